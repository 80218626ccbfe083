"""How declared features are computed: by the naive reference, and by Polars."""
