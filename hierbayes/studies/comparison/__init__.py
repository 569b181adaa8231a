"""Fits beside each other: what differs between them, and why."""
