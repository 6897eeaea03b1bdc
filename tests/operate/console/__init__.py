"""Tests of operate.console."""
