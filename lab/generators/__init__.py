"""Generators: telemetry with known trouble in it, drawn from a seed, for rules to be judged by."""
