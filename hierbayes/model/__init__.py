"""A specification on data, and what follows from it."""
