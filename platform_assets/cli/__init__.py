"""The command platform-assets: thin commands over the platform."""
