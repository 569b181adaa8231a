"""What a fit says of data it has not seen: rows and groups left out, and fits compared by it."""
