"""Cases of kinds that watch a channel's normal."""
