"""Calibration of intervals and samplers, and power, on simulated data."""
