"""The command-line interface `platform-assets`: thin commands over the platform."""

MODULE = "platform_assets.definitions"
"""The module of the declarations when no --module is given."""
