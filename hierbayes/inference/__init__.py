"""Tests of fixed effects: linear hypotheses, degrees of freedom, the table of terms."""
