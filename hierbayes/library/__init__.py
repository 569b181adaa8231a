"""Models from files, by name, and from other systems' code."""
