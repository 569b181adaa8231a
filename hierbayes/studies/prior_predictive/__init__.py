"""What priors imply before any data are seen."""
