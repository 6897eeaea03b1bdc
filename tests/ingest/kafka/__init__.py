"""Tests of `ingest/kafka`."""
