"""What it takes to materialize a range of partitions of a layer: read, compute, write, record. Without Dagster."""
