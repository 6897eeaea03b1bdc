"""`tocsin compare`: alarms of two configurations over the same readings."""
