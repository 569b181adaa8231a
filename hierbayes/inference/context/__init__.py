"""Within and between groups: variance explained, fixed against random effects."""
