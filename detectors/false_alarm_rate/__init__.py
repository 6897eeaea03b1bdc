"""How often rules ring on clean data, by formula."""
