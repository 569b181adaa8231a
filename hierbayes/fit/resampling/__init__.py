"""Responses simulated from a fit, as cross-products, and the model maximised again."""
