"""Tests of `lab/tune`."""
