"""The history: its rows, its databases, its versions."""
