"""Tests of `lab/compare`."""
