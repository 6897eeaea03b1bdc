"""Tests of lanes: what they keep, tell and recover."""
