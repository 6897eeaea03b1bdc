"""Recordings and exports as batches of readings, and labels."""
