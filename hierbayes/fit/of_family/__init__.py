"""Fits of families of responses that are not Gaussian."""
