"""Configuration advice for a Spark workload, and findings from a finished run. Nothing here needs Spark."""
