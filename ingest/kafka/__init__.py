"""Kafka records to messages: clients, batches, compression, checksums."""
