"""Answers to alarms: acknowledgements, tickets, work orders, and which commands they allow."""
