"""The engineer's bench: telemetry to try rules on, recorded and made."""
