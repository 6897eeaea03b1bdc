"""Tests of `configuration/checks`."""
