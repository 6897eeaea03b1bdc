"""Tests of `lab.reports`."""
