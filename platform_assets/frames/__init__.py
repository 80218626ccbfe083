"""Polars frames beyond memory: read in a stream, kept on disk while they are needed; and frames of other libraries as ours."""
