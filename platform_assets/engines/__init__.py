"""Engines bring rows to the kernels and results to tables: Polars in one process; and the naive reference, which shares nothing."""
