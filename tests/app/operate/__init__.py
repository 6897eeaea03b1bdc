"""Tests of `app/operate`."""
