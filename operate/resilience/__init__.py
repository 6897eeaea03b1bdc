"""`tocsin resilience`: how lifelines recover, from a history, from alarms, or from a series."""
