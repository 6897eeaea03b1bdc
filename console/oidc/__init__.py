"""Signing in by a provider of OpenID Connect: code flow with PKCE."""
