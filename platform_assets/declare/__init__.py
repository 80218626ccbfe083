"""What users write: plain frozen data. It knows no engine, no storage and no Dagster."""
