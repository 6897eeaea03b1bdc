"""Tests of what governs the desk stage."""
