"""Metrics and health of a worker over HTTP."""
