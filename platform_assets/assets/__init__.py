"""Turns declarations into Dagster's partitioned assets, checks and lineage."""
