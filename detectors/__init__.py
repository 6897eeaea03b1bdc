"""Batches to scores and level changes: one algorithm a file, its configuration beside it."""
