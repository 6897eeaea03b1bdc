"""Level changes to alarms: lifecycle, sentences, records."""
