"""Slopes within and between groups."""
