"""What Spark should be given for a workload, and what a finished run says of what it was given. Nothing here needs Spark."""
