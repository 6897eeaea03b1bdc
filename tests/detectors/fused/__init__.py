"""Tests of `detectors/fused`."""
