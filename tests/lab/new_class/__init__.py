"""Tests of `lab/new_class`."""
