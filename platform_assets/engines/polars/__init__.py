"""Computes declarations with Polars and NumPy on one machine."""
