"""Fuzzing guided by coverage: one target for each parser of what comes from outside."""
