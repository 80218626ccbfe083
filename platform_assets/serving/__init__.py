"""Reading features while a request waits."""
