"""Studies of a model beyond one fit of it."""
