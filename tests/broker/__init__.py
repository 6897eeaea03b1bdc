"""Tests of what all Kafka clients share."""
