"""Sums over stretches of time."""
