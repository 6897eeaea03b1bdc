"""Scores against published figures and figures computed by hand."""
