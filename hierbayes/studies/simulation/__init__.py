"""Data simulated from a model, with the truth they were made from."""
