"""What leaves when a reading, a message or a command is refused: the thing and its reason."""

from typing import Final

import msgspec

from contracts.bounded_text import bounded
from contracts.errors import DETAIL_BYTES

PAYLOAD_KEPT: Final = 1024  # bytes of a message, from its beginning
LETTER_BYTES: Final = 16 << 10  # no dead letter is larger, whatever is refused
# A byte becomes six at most when it is escaped.
_TEXT_BYTES: Final = {
    "lane": 256,
    "reason": 256,
    "detail": DETAIL_BYTES,
    "topic": 512,
    "channel": 2048,
    "payload": 6 * PAYLOAD_KEPT,
}


REPLAYED: Final = "replayed"  # reason of a note: the message was sent once more since


class DeadLetter(msgspec.Struct, frozen=True):
    """One refused message or reading.

    Parameters
    ----------
    lane : str
        Lane that refused it.
    reason : str
        Machine word: `bad_json`, `unknown_channel`, `out_of_range`, `bad_command`, …
    detail : str
        What was expected, what came, what to do.
    topic : str
        Topic it came from.
    partition, offset : int
        Where it stands there.
    index : int or None
        Place of the reading in its message, None when the whole message was refused.
    channel, time_ns, value : str, int, float or None
        The reading, as far as it was read; value in the unit of the class.
    payload : str or None
        First 1,024 bytes of a message that could not be decoded, undecodable bytes replaced.
    count : int
        Readings that it stands for: of one cause in one message, only the first ones get a letter.
    stamp_ms : int or None
        When it was first seen: timestamp of the refused record, milliseconds since 1970 UTC.
    """

    lane: str
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    index: int | None = None
    channel: str | None = None
    time_ns: int | None = None
    value: float | None = None
    payload: str | None = None
    count: int = 1
    stamp_ms: int | None = None


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Body of a dead letter, of at most `LETTER_BYTES`: a long text loses its middle."""
    body = msgspec.json.encode(letter)
    if len(body) <= DETAIL_BYTES:
        return body
    kept = {
        name: bounded(text, most)
        for name, most in _TEXT_BYTES.items()
        if (text := getattr(letter, name)) is not None
    }
    return msgspec.json.encode(msgspec.structs.replace(letter, **kept))


def letter_headers(body: bytes) -> list[tuple[str, bytes]]:
    """What readers may sort dead letters by without their bodies; nothing for another body.

    >>> letter_headers(encode_dead_letter(DeadLetter("w-3", "bad_json", "", "t", 3, 9, stamp_ms=7)))
    [('cause', b'bad_json'), ('count', b'1'), ('first_seen', b'7')]
    """
    try:
        letter = msgspec.json.decode(body, type=DeadLetter)
    except msgspec.DecodeError:
        return []
    headers = [("cause", letter.reason.encode()), ("count", b"%d" % letter.count)]
    if letter.stamp_ms is not None:
        headers.append(("first_seen", b"%d" % letter.stamp_ms))
    return headers
