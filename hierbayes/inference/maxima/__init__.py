"""What a maximum of the likelihood can tell: profiles, bootstraps, tests, smaller models."""
