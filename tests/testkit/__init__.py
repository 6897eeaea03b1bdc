"""What tests and benchmarks share: a real Kafka, worker processes, made cities and streams."""
