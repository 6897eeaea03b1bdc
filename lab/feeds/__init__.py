"""Telemetry of lifelines for trials, with the events that are known to be in it."""
