"""What the desk stage takes and tells: incidents, notices, answers, its journal."""
