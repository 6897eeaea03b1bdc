"""Tests of `ingest/json`."""
