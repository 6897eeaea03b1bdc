"""Tests of `pipeline/worker`."""
