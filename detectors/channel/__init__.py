"""Kinds of rules that look at one channel."""
