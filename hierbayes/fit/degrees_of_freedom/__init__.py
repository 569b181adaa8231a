"""Degrees of freedom of linear hypotheses on fixed effects."""
