"""HLM: equations at two levels."""
