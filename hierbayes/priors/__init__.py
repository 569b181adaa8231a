"""What is believed beforehand: families, the set in force, densities and draws."""
