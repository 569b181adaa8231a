"""Fits whose errors have a structure: correlated, or of unequal variance."""
