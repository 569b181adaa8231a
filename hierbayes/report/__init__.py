"""Fits as text and as files: tables first, then what is printed and written."""
