"""What the data are: data sets, and which variable lives at which level."""
