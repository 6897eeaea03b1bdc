"""A package of somebody else with a kind of rule of its own: the example of the tutorial."""
