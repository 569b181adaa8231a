"""Six estimators of one slope beside each other: what each estimates, and for whom."""
