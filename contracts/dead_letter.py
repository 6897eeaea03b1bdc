"""What leaves when a reading, a message or a command is refused: the thing and its reason."""

import msgspec


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


PAYLOAD_KEPT = 1024


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Body of a dead letter."""
    return msgspec.json.encode(letter)
