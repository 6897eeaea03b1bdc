"""Tests of what leaves a worker."""
