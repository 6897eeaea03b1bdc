"""Workers under faults: real processes, a real Kafka, killed by their own pid."""
