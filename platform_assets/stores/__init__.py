"""Where data lies: Delta tables with a ledger of their partitions, and the online store."""
