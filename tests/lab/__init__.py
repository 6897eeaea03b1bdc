"""The engineer's bench by itself."""
