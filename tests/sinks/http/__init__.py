"""Tests of `sinks/http`."""
