"""The marginal likelihood of a model, and what follows from it."""
