"""Programs that make their columns before they fit: what SAS, Stata, HLM and MLwiN share."""
