"""HLM: equations at two levels and more, of nested factors or of two that cross."""
