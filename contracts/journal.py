"""A lane's second input: everything but telemetry that may change what it tells."""

from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[int, Meta(ge=0)]
Offset = Annotated[int, Meta(ge=0)]


class Tick(msgspec.Struct, frozen=True, tag="tick", tag_field="kind"):
    """Lane time reaches `lane_time_s` although no record said so: the lane is quiet."""

    lane_time_s: Seconds


class Shelve(
    msgspec.Struct, frozen=True, tag="shelve", tag_field="kind", forbid_unknown_fields=True
):
    """Hold a channel's readings unscored and its alarms back, for a stated reason and time."""

    channel: str
    by: str
    reason: str
    seconds: Annotated[int, Meta(ge=1, le=30 * 86_400)]


class Unshelve(
    msgspec.Struct, frozen=True, tag="unshelve", tag_field="kind", forbid_unknown_fields=True
):
    """End a shelving before its time."""

    channel: str
    by: str
    reason: str


class Accept(
    msgspec.Struct, frozen=True, tag="accept", tag_field="kind", forbid_unknown_fields=True
):
    """Take what a channel does now for normal: its learned rules begin anew, limits stay."""

    channel: str
    by: str
    reason: str


class Shadow(
    msgspec.Struct, frozen=True, tag="shadow", tag_field="kind", forbid_unknown_fields=True
):
    """Let the bundle with this hash score every reading too as if it governed, and ring nothing."""

    config: str
    by: str
    reason: str


class Promote(
    msgspec.Struct, frozen=True, tag="promote", tag_field="kind", forbid_unknown_fields=True
):
    """Let the shadow with this hash govern, with all that its rules have learned."""

    config: str
    by: str
    reason: str


class Rollback(
    msgspec.Struct, frozen=True, tag="rollback", tag_field="kind", forbid_unknown_fields=True
):
    """End the shadow with this hash; if it was promoted, let the former bundle govern again."""

    config: str
    by: str
    reason: str


class Shed(msgspec.Struct, frozen=True, tag="shed", tag_field="kind"):
    """The lane lets go of its shadow by itself, for this reason."""

    reason: str


class Warm(msgspec.Struct, frozen=True, tag="warm", tag_field="kind"):
    """A newborn lane takes over what a replay of history learned, by its hash."""

    learned: str


class Swap(msgspec.Struct, frozen=True, tag="swap", tag_field="kind"):
    """From here on the configuration bundle with this hash governs the lane.

    Parameters
    ----------
    config : str
    relearning : dict of str to int
        What came of it, for people: channels by rule whose learned state began anew, because
        their rule gives it another meaning now. A replay works it out by itself.
    """

    config: str
    relearning: dict[str, int] = {}


class Refuse(msgspec.Struct, frozen=True, tag="refuse", tag_field="kind"):
    """A command that cannot be carried out: it leaves as a dead letter."""

    reason: str
    detail: str
    body: str


ShadowCommand = Shadow | Promote | Rollback
Command = Shelve | Unshelve | Accept | ShadowCommand
Change = Tick | Command | Swap | Warm | Refuse | Shed


class Entry(msgspec.Struct, frozen=True):
    """One journal record: takes effect before the telemetry record at offset `at`.

    Parameters
    ----------
    at : int
        Telemetry position: every record with a smaller offset comes before the change.
    change : Change
        What changes.
    command : int or None
        Offset behind the command in the command topic, when a command caused the change.
    """

    at: Offset
    change: Change
    command: Offset | None = None


_ENTRY = msgspec.json.Decoder(Entry)
_COMMAND = msgspec.json.Decoder(Command)


def encode_entry(entry: Entry) -> bytes:
    """Journal entry as JSON.

    >>> encode_entry(Entry(7, Tick(1000)))
    b'{"at":7,"change":{"kind":"tick","lane_time_s":1000},"command":null}'
    """
    return msgspec.json.encode(entry)


def decode_entry(body: bytes) -> Entry:
    """Journal entry from JSON; `msgspec.ValidationError` when it is none."""
    return _ENTRY.decode(body)


def decode_command(body: bytes) -> Command:
    """Operator's command from JSON; `msgspec.DecodeError` says what is wrong with it."""
    command: Command = _COMMAND.decode(body)
    return command
