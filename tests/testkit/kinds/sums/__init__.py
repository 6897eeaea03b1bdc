"""Cases of kinds that add up."""
