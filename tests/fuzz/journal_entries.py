"""Journal entries: read or refused, and the same when written again."""

from collections.abc import Mapping

import msgspec

from contracts.journal import (
    Change,
    Entry,
    Refuse,
    Shelve,
    Swap,
    Tick,
    Warm,
    decode_entry,
    encode_entry,
)


def seeds() -> Mapping[str, bytes]:
    """An entry of each shape."""
    made: dict[str, Change] = {
        "tick": Tick(1_000),
        "swap": Swap("0" * 16, {"unusual": 3}),
        "warm": Warm("w"),
        "refuse": Refuse("bad_command", "expected, got", "{}"),
        "shelve": Shelve("a", "b", "c", 60, id="x", at=1, expires=2, role="r", key="k"),
    }
    return {name: encode_entry(Entry(7, change, 3)) for name, change in made.items()}


def check(data: bytes) -> None:
    """Decode an entry."""
    try:
        entry = decode_entry(data)
    except msgspec.DecodeError:
        return
    assert decode_entry(encode_entry(entry)) == entry
