"""Alarms of one cause as one incident: which belong together, what is behind, what comes next."""
