"""The desk stage's journal: in which order it took what came, and when its clocks moved.

The stage is a function of (alarm partitions, journal).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.desk.commands import DeskCommand
from contracts.journal import Refuse, Seconds

Offset = Annotated[int, Meta(ge=0)]
LANE: Final = "desk-0"


class Took(msgspec.Struct, frozen=True, tag="took", tag_field="kind"):
    """Alarm records taken next: by lane, the first offset and the one behind the last.

    Taken lane by lane in the order of their names, each in offset order.

    Parameters
    ----------
    slices : dict of str to (int, int)
    shelvings : bool
        Whether what is told of shelvings there was taken, too; earlier releases passed it over.
    """

    slices: dict[str, tuple[Offset, Offset]]
    shelvings: bool = False


class DeskTick(msgspec.Struct, frozen=True, tag="tick", tag_field="kind"):
    """Desk time reaches `time_s` although no alarm said so; `late` behind a restart."""

    time_s: Seconds
    late: bool = False


class DeskSwap(msgspec.Struct, frozen=True, tag="swap", tag_field="kind"):
    """From here on another configuration governs: topology, desks, roster, rules."""

    config: str


class SetAside(msgspec.Struct, frozen=True, tag="quarantine", tag_field="kind"):
    """An alarm record is not judged, because judging it raised: it leaves as a dead letter.

    It holds wherever it lies in the journal, behind the entry that takes the record too: that may
    be written before its effect is, when it has much to tell.

    Parameters
    ----------
    lane : str
        Whose record it is.
    offset : int
        Of the record.
    detail : str
        What was raised.
    """

    lane: str
    offset: Offset
    detail: str


DeskChange = Took | DeskTick | DeskSwap | Refuse | DeskCommand | SetAside


class DeskEntry(msgspec.Struct, frozen=True):
    """One journal record.

    Parameters
    ----------
    change : DeskChange
    command : int or None
        Offset behind the command in `tocsin.commands.desk` that caused it.
    """

    change: DeskChange
    command: Offset | None = None


_ENTRY = msgspec.json.Decoder(DeskEntry)


def encode_desk_entry(entry: DeskEntry) -> bytes:
    """Journal entry as JSON."""
    return msgspec.json.encode(entry)


def decode_desk_entry(body: bytes) -> DeskEntry:
    """Journal entry from JSON; `msgspec.DecodeError` when it is none."""
    return _ENTRY.decode(body)
