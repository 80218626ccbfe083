"""Pure functions of declarations and frames: what features, labels and judged rows are. They know no table, ledger, process or Dagster."""
