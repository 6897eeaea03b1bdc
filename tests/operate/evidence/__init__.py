"""Tests of decisions made anew."""
