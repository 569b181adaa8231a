"""What the analyst writes: one combined formula, or equations at two levels."""
