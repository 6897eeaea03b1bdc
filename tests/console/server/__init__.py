"""The console's server: sign-in, reading, commands, what is new."""
