"""Cases of kinds that watch one channel."""
