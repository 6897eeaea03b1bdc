"""A desk stage in memory, and alarms for it."""
