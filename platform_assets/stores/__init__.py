"""Where data is stored: Delta tables with a ledger of their partitions, and the online store."""
