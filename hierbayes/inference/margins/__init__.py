"""Predictions, comparisons and slopes, averaged or at stated values."""
