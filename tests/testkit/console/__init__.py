"""A console without a deployment."""
