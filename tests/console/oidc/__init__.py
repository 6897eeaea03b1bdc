"""Signing in by a provider of OpenID Connect, and every way in which one must not."""
