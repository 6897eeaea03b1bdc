"""Tests of what keeps a process honest."""
