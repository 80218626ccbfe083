"""Where data comes from, and how it is kept as it came."""
