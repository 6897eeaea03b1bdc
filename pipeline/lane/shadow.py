"""A shadow: another configuration plays a lane's part, and only whispers.

It is a lane of its own inside the lane: fed the same records and journal, sharing no state. So it
keeps every law that a lane keeps, and nothing that it does can change what the lane tells.
"""

import logging
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from contracts.journal import (
    Accept,
    Command,
    Entry,
    Outage,
    Promote,
    Rollback,
    Shadow,
    Shed,
    Shelve,
    StampLimit,
    Tick,
    Unshelve,
)
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from contracts.ports.status import ShadowStatus
from contracts.quantities import NS_PER_S
from contracts.records import Records
from pipeline.lane.outbox import Outbox
from pipeline.lane.shadow_comparison import LIVE, SHADOW, ShadowComparison

log = logging.getLogger("tocsin.shadow")


class Player(Protocol):
    """What a shadow needs of a lane, be it the one that governs or its own."""

    parts: Parts
    outbox: Outbox
    shadow_outbox: Outbox
    position: int
    lane_time_s: int

    def feeding(self, records: Records) -> Iterator[None]:
        """Take records, in turns."""

    def applying(self, entry: Entry) -> Iterator[None]:
        """Let a journal entry take effect, in turns."""


P = TypeVar("P", bound=Player)


class ShadowLane(Generic[P]):
    """A lane under another configuration, beside the one that governs.

    Parameters
    ----------
    lane : Player
        As it is when the shadow begins.
    state : dict
        From `state`; of a new one `by`, `reason` and `since_s`, the lane time at which it begins.
    """

    def __init__(self, lane: P, state: dict[str, Any]) -> None:
        self.lane = lane
        self.by: str = state["by"]
        self.reason: str = state["reason"]
        self.since_s: int = state["since_s"]
        self.trouble: str = state.get("trouble", "")
        self._tally = ShadowComparison(state.get("tally"))

    @property
    def config(self) -> str:
        """Hash of its bundle."""
        return self.lane.parts.config

    def state(self) -> dict[str, Any]:
        """All but its lane's state, as plain data."""
        names = ("by", "reason", "since_s", "trouble")
        return {**{name: getattr(self, name) for name in names}, "tally": self._tally.state()}

    def feeding(self, live: Player, records: Records) -> Iterator[None]:
        """Take the records that the governing lane has just taken, in turns."""
        if not self.trouble:
            yield from self._play(live, self.lane.feeding(records))
        self.listen(live)

    def following(self, live: Player, entry: Entry) -> Iterator[None]:
        """Let a journal entry take effect here too, if it is one for both; in turns."""
        if not self.trouble and isinstance(
            entry.change, Tick | Outage | StampLimit | Shelve | Unshelve | Accept
        ):
            self.lane.position = live.position
            yield from self._play(live, self.lane.applying(entry))
        self.listen(live)

    def _play(self, live: Player, turns: Iterator[None]) -> Iterator[None]:
        try:
            for _ in turns:
                self.listen(live)
                yield
        except Exception as error:  # a shadow's rules must never stop the lane
            self._stumble(error)

    def _stumble(self, error: Exception) -> None:
        self.trouble = f"failed: {error!r}"
        log.error("shadow %s: %s", self.config, self.trouble, exc_info=error)

    def listen(self, live: Player) -> None:
        """Whisper what this side told since the last time, and compare both."""
        mine = self.lane.outbox.take()
        rang = [message for message in mine if message.kind == "alarm"]
        live.shadow_outbox.emit(Message("shadow", m.key, m.body) for m in rang)
        self._tally.hear(LIVE, live.outbox.heard or [])
        self._tally.hear(SHADOW, rang)
        self._tally.settle(live.lane_time_s)
        live.outbox.heard = []

    def status(self) -> ShadowStatus:
        """Numbers for Prometheus and people."""
        return self._tally.status(self.config, self.since_s, self.lane.lane_time_s)


class Governing(Player, Protocol):
    """A lane that may let a shadow play along."""

    shadow: Any
    before: list[str]
    sheds: int
    parts_for: Any

    def copy(self) -> Any:
        """Another lane with the same state."""

    def swap(self, parts: Parts) -> None:
        """Let another configuration govern."""


def obey(lane: Governing, change: Command | Shed) -> None:
    """Let an entry about a shadow take effect; `unfit` has judged it before it was written."""
    if isinstance(change, Shadow):
        _begin(lane, change)
    elif isinstance(change, Promote):
        _promote(lane)
    elif isinstance(change, Rollback):
        _roll_back(lane, change)
    else:
        lane.sheds += 1
        _end(lane)


def _begin(lane: Governing, change: Shadow) -> None:
    """From here on another bundle plays along, as if a swap had let it govern."""
    player = lane.copy()
    player.outbox.take()
    player.swap(lane.parts_for(change.config))
    who = {"by": change.by, "reason": change.reason, "since_s": lane.lane_time_s}
    lane.shadow = ShadowLane(player, who)
    lane.outbox.heard = []


def _end(lane: Governing) -> None:
    lane.shadow = None
    lane.outbox.heard = None


def _promote(lane: Governing) -> None:
    """The shadow's parts govern, with all that they learned; open alarms go on as they are known.

    Workers are still started with the bundle that was deployed, so the lane remembers it.
    """
    assert lane.shadow is not None, "judged before it was written"
    old, lane.parts = lane.parts, lane.shadow.lane.parts
    _end(lane)
    lane.before = [*lane.before[:1], old.config]
    time_ns = max(lane.lane_time_s, 0) * NS_PER_S
    lane.outbox.emit(lane.parts.book.take_over(old.book.state(), time_ns))


def _roll_back(lane: Governing, change: Rollback) -> None:
    if lane.shadow is not None and lane.shadow.config == change.config:
        _end(lane)
    else:
        lane.swap(lane.parts_for(lane.before.pop()))
