"""Tests of `ingest/arrow`."""
