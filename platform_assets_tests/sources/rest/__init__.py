"""Sources that are REST APIs, against a server that misbehaves on purpose."""
