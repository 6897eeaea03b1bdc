"""How lifelines recover: what worked when, and what was lost, from alarms or series."""
