"""Why an alarm rang: its decision made anew from the log, and everything that belongs to it."""
