"""Tests of `pipeline/snapshot`."""
