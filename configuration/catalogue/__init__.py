"""Tables of channels: read, checked, stored by content."""
