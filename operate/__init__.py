"""Commands that act on a running deployment: topics, shadows, lost lanes, recordings."""
