"""Tests of the nouns that cross a door."""
