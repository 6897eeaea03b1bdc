"""Public recordings, their rules and how they are judged."""
