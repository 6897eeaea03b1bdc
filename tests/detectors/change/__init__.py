"""Tests of `detectors/change`."""
