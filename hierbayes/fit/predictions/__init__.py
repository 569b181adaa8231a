"""What a fit says of responses: expected, new and left over, with their uncertainty."""
