"""Tests of `detectors/sums`."""
