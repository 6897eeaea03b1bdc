"""What the desk stage told, read back: load of every desk, what was withheld, handover sheets."""
