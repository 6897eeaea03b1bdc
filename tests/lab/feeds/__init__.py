"""Tests of `lab.feeds`."""
