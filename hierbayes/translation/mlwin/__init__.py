"""MLwiN: macros of commands."""
