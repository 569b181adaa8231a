"""Models against each other: likelihood ratios, criteria, the random part."""
