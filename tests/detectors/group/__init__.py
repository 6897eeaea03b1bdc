"""Tests of `detectors/group`."""
