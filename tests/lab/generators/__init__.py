"""Tests of what makes telemetry."""
