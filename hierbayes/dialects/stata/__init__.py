"""Stata: mixed."""
