"""Tests of what channels need."""
