"""Notices out of the house: to Alertmanager, by webhook, as CAP; each with a receipt."""
