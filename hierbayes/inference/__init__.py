"""Inference on fits: tests, degrees of freedom, residuals, influence, variance explained."""
