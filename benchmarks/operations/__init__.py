"""What those who run workers ask: what they cost."""
