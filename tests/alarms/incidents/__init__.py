"""Tests of alarms.incidents."""
