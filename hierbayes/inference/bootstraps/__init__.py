"""The parametric bootstrap, from cross-products."""
