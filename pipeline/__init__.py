"""Lanes: the loop, journal, watermark, snapshots, recovery, ownership."""
