"""Tests of `sinks/notices`."""
