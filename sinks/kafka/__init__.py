"""A lane's outputs on its Kafka topics, transactionally."""
