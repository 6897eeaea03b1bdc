"""Counts of how well desks are served."""
