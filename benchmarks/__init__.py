"""One script for each claim about speed or quality, and what they share."""
