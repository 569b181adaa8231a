"""What leaving out a row or a group changes."""
