"""Tests of operate.resilience."""
