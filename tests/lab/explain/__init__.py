"""Tests of `lab/explain`."""
