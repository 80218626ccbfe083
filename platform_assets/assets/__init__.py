"""Declarations to Dagster: partitioned assets, checks and lineage."""
