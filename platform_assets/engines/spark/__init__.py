"""Computes declarations on Spark: it moves rows, and hands those of whole entities to the kernels, in its tasks."""
