"""Computes declarations on Spark: it moves rows, and passes those of whole entities to the kernels in its tasks."""
