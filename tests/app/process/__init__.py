"""Tests of `app/process`."""
