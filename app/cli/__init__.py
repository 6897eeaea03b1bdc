"""The `tocsin` command line: its parser, its commands, its entry point."""
