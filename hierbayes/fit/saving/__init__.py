"""Fits as files: one archive that a new process reads back, of which nothing is run."""
