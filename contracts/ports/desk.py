"""What the desk stage's machinery asks of what it runs: alarms and commands in, outputs out."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from contracts.alarm import Alarm, ShelvingRecord
from contracts.commands.concern import Concern
from contracts.desk.commands import DeskCommand
from contracts.desk.performance import Performance
from contracts.ports.lane_log import Message

# Reason as a machine word and for people; None when there is none to refuse.
Ground = tuple[str, str] | None
Pieces = Iterator[list[Message]]


class SlicedCopy(NamedTuple):
    """A copy that has begun, of what was remembered then, whatever comes after.

    Parameters
    ----------
    slice : callable
        Copies so many records at most; how many it were, 0 once all are copied.
    state : callable
        What `state` gave when the copy began, with records that are encoded (`msgspec.Raw`); once
        all are copied.
    """

    slice: Callable[[int], int]
    state: Callable[[], Any]


class Desk(Protocol):
    """Deterministic: no clock, no chance, no input or output.

    What may have very much to tell is told in pieces, of some alarms or incidents each: between two
    of them others may compute, and only the next piece goes on with the work.

    Messages are of the kinds `incident` (key: its id), `current` (key: the alarm's id; an empty
    body when it is over) and `notice` (key: its id).
    """

    config: str
    time_s: int

    def taking(self, alarm: Alarm) -> Pieces:
        """What comes of one alarm revision; desk time reaches its `detected` at least."""

    def shelved(self, record: ShelvingRecord) -> list[Message]:
        """What comes of a channel that is shelved, or shown again; desk time stays."""

    def concern(self, command: DeskCommand) -> Concern:
        """Lifelines and places that a command is about, as far as they are known."""

    def judge(self, command: DeskCommand) -> Ground:
        """Why a command cannot be carried out now; changes nothing."""

    def obeying(self, command: DeskCommand) -> Pieces:
        """What comes of a command that `judge` has nothing against."""

    def due(self, time_s: int) -> bool:
        """Whether advancing to this time would do anything."""

    def advancing(self, time_s: int, *, late: bool = False) -> Pieces:
        """Move desk time forward, firing every clock on the way, in order of deadlines."""

    def state(self) -> dict[str, Any]:
        """Everything that it remembers, as plain data of its own."""

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now; one at a time is made."""

    def restore(self, state: dict[str, Any]) -> list[Message]:
        """Take over what another configuration's, or an earlier release's, remembered."""

    def counts(self) -> dict[str, int]:
        """Open `alarms` and `incidents`, for metrics; as cheap as reading two integers."""

    def surveying(self) -> Iterator[Performance | None]:
        """How well desks are served, in pieces: None until all open alarms were looked at."""
