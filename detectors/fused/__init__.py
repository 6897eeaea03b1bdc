"""Limits, unusual and frozen values: one row and one kernel a channel."""
