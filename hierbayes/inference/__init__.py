"""Inference on fits: tests, intervals, residuals, influence, variance explained."""
