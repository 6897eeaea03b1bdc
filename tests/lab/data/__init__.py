"""Tests of `lab/data`."""
