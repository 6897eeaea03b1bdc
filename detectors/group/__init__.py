"""Kinds of rules that look at several channels together."""
