"""Tests of `operate`."""
