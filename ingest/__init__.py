"""Kafka to batches: consume, bounded decode, admit."""
