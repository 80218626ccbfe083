"""Polars frames larger than memory: streamed and spilled to disk; and conversion of other libraries' frames."""
