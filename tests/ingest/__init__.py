"""Tests of the way from Kafka to batches."""
