"""Sentences, figures, alarms."""
