"""Pure functions of declarations and frames that compute features, labels and judged rows, independent of tables, ledger and Dagster."""
