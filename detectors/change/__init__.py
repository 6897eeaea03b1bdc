"""Kinds of rules that find changes of level, trend or distribution."""
