"""The command platform-assets: thin commands over the platform."""

MODULE = "platform_assets.definitions"
"""Where a command looks for declarations when no --module is given."""
