"""From data and a specification to matrices, and from matrices to cross-products."""
