"""Linear hypotheses on fixed effects, and their degrees of freedom."""
