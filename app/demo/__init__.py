"""`tocsin demo`: lifelines played in compressed time, alarms, a report."""
