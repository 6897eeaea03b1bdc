"""Scores of detections as the field keeps them, to be held beside published figures."""
