"""What leaves a worker for people and machines: metrics and health."""
