"""Tests of Tocsin, and what they share."""
