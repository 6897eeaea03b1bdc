"""How well desks are served, counted as it happens."""
