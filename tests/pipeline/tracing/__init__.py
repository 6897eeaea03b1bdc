"""Tests of the spans of micro-batches."""
