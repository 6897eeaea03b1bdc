"""Tests of `configuration/catalogue`."""
