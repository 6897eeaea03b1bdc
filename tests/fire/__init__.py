"""Workers under fire: real processes, a real Kafka, killed by their own pid."""
