"""Tests of `operate.desk`."""
