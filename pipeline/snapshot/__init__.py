"""A lane's state as a file, and back."""
