"""Residuals of rows and of groups."""
