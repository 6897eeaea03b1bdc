"""Jobs of other systems that do the same work."""
