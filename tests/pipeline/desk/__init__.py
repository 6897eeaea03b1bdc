"""Tests of `pipeline/desk`."""
