"""What all Kafka clients share: closing, errors, log ends, partitions, topics."""
