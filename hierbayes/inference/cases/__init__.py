"""Residuals of rows and groups, and what leaving one out changes."""
