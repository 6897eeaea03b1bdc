"""Tests of `sinks/traces`."""
