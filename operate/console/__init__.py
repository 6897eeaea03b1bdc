"""The console's process: what it is made of, and who may sign in."""
