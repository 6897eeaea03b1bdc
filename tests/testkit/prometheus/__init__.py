"""A real Prometheus for tests."""
