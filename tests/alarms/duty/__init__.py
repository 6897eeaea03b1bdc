"""Desks, rosters, clocks and notices."""
