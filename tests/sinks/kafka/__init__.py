"""Tests of `sinks/kafka`."""
