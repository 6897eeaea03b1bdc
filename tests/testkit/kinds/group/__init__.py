"""Cases of kinds that watch channels of a group together."""
