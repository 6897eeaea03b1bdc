"""Tests of `detectors/false_alarm_rate`."""
