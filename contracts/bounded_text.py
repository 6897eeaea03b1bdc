"""Text of a bounded size: what quotes input must not grow with it."""

from bisect import bisect_right
from typing import Final

import msgspec

_GAP: Final = "…"


def bounded(text: str, most_bytes: int) -> str:
    """A text whose JSON takes no more than so many bytes, cut in its middle where it is longer.

    A message begins with its place and ends with what to do, so both ends are kept. Equal texts
    give equal results, and a bounded text comes back as it is.

    Parameters
    ----------
    text : str
        Anything, lone surrogates included: those are written out.
    most_bytes : int
        Bytes of the escaped text, quotation marks not counted; at least 8.

    Examples
    --------
    >>> bounded("short", 100), bounded("expected a name, got " + "x" * 99 + "; shorten it", 40)
    ('short', 'expected a name, got xxxx…; shorten it')
    >>> len(bounded(chr(1) * 99, 40))  # each of them is escaped as 6 bytes
    7
    """
    if len(text) <= most_bytes:  # no character takes less than a byte
        text = _encodable(text)
        if _size(text) <= most_bytes:
            return text
    left = most_bytes - _size(_GAP)
    tail = _encodable(text[-(left // 3) :])
    tail = tail[len(tail) - _fitting(tail[::-1], left // 3) :]
    head = _encodable(text[:left])
    return head[: _fitting(head, left - left // 3)] + _GAP + tail


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _size(text: str) -> int:
    return len(msgspec.json.encode(text)) - 2


def _fitting(text: str, most_bytes: int) -> int:
    """How many of the first characters fit."""
    lengths = range(len(text) + 1)
    return bisect_right(lengths, most_bytes, key=lambda n: _size(text[:n])) - 1
