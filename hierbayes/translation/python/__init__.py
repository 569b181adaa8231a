"""Python: bambi, PyMC and statsmodels."""
