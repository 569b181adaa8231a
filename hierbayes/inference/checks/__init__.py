"""Checks of a fit against responses that it would make."""
