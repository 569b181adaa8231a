"""What other priors would make of a posterior."""
