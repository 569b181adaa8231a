"""A model in words and symbols: its equations, and what each coefficient means."""
