"""Faults of workers, brokers, networks and machines, and the judge of what was told."""
