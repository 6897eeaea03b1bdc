"""A real Kafka for the tests."""
