"""Arrow IPC messages to columns."""
