"""Sources that are REST APIs: a declaration, pages, secrets, calls with their limits, and the answers as they came."""
