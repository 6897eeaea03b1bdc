"""What governs the desk stage: topology, desks and rosters, answers."""
