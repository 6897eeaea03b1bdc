"""Tests of `pipeline/lane`."""
