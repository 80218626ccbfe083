"""The declarations that users write: plain frozen data, independent of engines, storage and Dagster."""
