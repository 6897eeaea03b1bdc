"""What the rooms ask of the outside world, as protocols."""
