"""What commands to lanes and to the desk stage have in common beside their form."""
