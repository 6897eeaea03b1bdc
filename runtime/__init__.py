"""What keeps a process honest: its installation, its deadlines, its files."""
