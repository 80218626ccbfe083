"""The businesses that come with the platform, a package each: declarations, and a generator of data with known truths."""
