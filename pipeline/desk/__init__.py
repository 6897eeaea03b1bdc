"""The desk stage: one lane over all alarms, run as lanes of readings are."""
