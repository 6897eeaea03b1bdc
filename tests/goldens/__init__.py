"""Outputs of the commands as they were, byte for byte, and lane snapshots of an earlier version."""
