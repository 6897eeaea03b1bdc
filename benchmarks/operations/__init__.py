"""What those who run workers ask: what they cost, and how long they are away."""
