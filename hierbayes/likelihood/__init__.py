"""The collapsed likelihood, what it leaves given θ, and its face in PyTensor."""
