"""What a singular G leaves of a model."""
