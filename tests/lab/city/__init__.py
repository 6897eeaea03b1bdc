"""Tests of the made city."""
