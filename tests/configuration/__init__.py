"""Tests of `configuration`."""
