"""Tests of `detectors/river`."""
