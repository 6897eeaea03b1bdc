"""Detectors by themselves: their twins, their laws, what they find and what they do not."""
