"""JSON messages to columns."""
