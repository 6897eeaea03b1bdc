"""Plain data of any size as one array of bytes, encoded and decoded a piece at a time.

A codec holds the interpreter until it is done: a state of 100,000 alarms in one piece would keep
the event loop, and with it the group's heartbeats, for seconds. So does the end of millions of
objects at once: what has been encoded is forgotten piece by piece.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

ENTRIES_A_PIECE: Final = 500  # of some kB each: a few ms
_LENGTH: Final = 4  # bytes of the length before each piece


def encoded(state: dict[str, Any]) -> NDArray[np.uint8]:
    """A state as bytes; the state is taken apart, and worth nothing afterwards.

    Parameters
    ----------
    state : dict
        What JSON can hold. Containers that are large, or lie around large ones, are taken apart;
        what lies in a large one is small.

    Examples
    --------
    >>> from copy import deepcopy
    >>> state = {"time_s": 7, "open": {str(n): [n] for n in range(2_000)}, "duty": {"told": []}}
    >>> decoded(encoded(deepcopy(state))) == state
    True
    """
    data = bytearray()
    for piece in pieces(state):
        body = msgspec.msgpack.encode(piece)
        data += len(body).to_bytes(_LENGTH, "little")
        data += body
    return np.frombuffer(data, np.uint8)  # not copied: hundreds of MB would hold everybody up


def decoded(array: NDArray[np.uint8]) -> dict[str, Any]:
    """The state that `encoded` was given.

    Raises
    ------
    ValueError, LookupError
        When the bytes are no such state.
    """
    data, place = array.data, 0
    state: dict[str, Any] = {}
    while place < len(data):
        begin = place + _LENGTH
        place = begin + int.from_bytes(data[place:begin], "little")
        path, part = msgspec.msgpack.decode(data[begin:place], type=tuple[list[Any], Any])
        held: Any = state
        for key in path:
            held = held[key]
        if isinstance(held, dict):
            held.update(part)
        else:
            held.extend(part)
    return state


def pieces(held: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Parts of a container, each with the keys that lead to the container.

    A large one forgets its entries as they are given.
    """
    if len(held) > ENTRIES_A_PIECE:
        while held:
            yield path, _taken(held)
        return
    if isinstance(held, list):
        yield path, held
        return
    inside = {key: value for key, value in held.items() if _large(value)}
    yield path, {key: type(value)() if key in inside else value for key, value in held.items()}
    for key, value in inside.items():
        yield from pieces(value, (*path, key))


def _taken(held: Any) -> Any:
    """The first entries of a large container, which forgets them."""
    if isinstance(held, dict):
        return {key: held.pop(key) for key in list(islice(held, ENTRIES_A_PIECE))}
    part = held[:ENTRIES_A_PIECE]
    del held[:ENTRIES_A_PIECE]
    return part


def _large(value: Any) -> bool:
    """Whether it is a large container, or a mapping around one."""
    if isinstance(value, dict):
        return len(value) > ENTRIES_A_PIECE or any(map(_large, value.values()))
    return isinstance(value, list) and len(value) > ENTRIES_A_PIECE
