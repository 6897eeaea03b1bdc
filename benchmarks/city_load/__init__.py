"""Load of a whole city: channels, concentrators, workers."""
