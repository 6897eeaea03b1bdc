"""Tests of `detectors/channel`."""
