"""Residuals, influence, variance explained, and tests of the specification."""
