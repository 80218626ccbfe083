"""Reading features at serving time."""
