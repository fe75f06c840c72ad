"""Measures Gridray beside what a user would use instead: see run.py."""
