"""Ways to θ: maximum likelihood, restricted or not, and the posterior."""
