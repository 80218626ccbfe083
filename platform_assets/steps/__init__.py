"""The steps that materialize a range of partitions of a layer: read, compute, write, record. Independent of Dagster."""
