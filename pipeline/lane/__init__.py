"""One lane: readings, journal and timers in, alarms out."""
