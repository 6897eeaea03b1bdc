"""Lanes run by a worker: loop, recovery, journal, ownership."""
