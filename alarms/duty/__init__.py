"""Who is told what of an incident, who is not and why, and what happens when nobody answers."""
