"""Example businesses, one package each: declarations, and a generator of data with known truths."""
