"""A fit and its readings: one container for a point estimate and for a posterior."""
