"""Models of the river library as rules."""
