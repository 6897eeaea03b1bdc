"""Python's syntax trees, made while the garbage collector rests."""

import ast

from runtime import collector


def parse(text: str) -> ast.Module:
    """Parse a text of Python; raises what `ast.parse` raises.

    CPython 3.11 keeps one depth counter for all trees it makes. A collection in the midst of one
    may end a future whose exception nobody took; its log line holds a traceback, for which Python
    parses a line of source in turn, and the outer call ends in `SystemError: AST constructor
    recursion depth mismatch`. Only the collector comes between, so it waits.
    """
    with collector.resting():
        return ast.parse(text)
