"""Engines bring rows to the kernels and results to tables: Polars, Spark, and the naive reference, which shares no code with them."""
