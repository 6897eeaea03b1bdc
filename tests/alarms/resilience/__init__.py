"""Tests of alarms.resilience."""
