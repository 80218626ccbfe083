"""Reading what the platform has made, from Python, without Dagster."""
