"""A class of channels that begins: its files, with what only its engineer knows left open."""
