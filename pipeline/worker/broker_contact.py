"""Whether brokers answer a lane's fetches, and whether all that its log holds may be read."""

import time
from typing import Final, NamedTuple

from contracts.ports.clock import Clock
from contracts.ports.lane_log import Message
from contracts.ports.source import LogView

# A fetch asks for a second, and a broker that has nothing answers within half of one.
AWAY_S: Final = 2.0
# An outage that people are told of; [E], as long as records may be hidden before they are.
TOLD_S: Final = 60.0


class Away(NamedTuple):
    """An outage that is over.

    Parameters
    ----------
    at : int
        Where the log ended in the last answer before it: what lies there came later.
    seconds : int
        From that answer to the first one behind it.
    """

    at: int
    seconds: int


class Blind(NamedTuple):
    """A long outage: the last answer before it and the first one behind, ms on the lane's clock."""

    began_ms: int
    ended_ms: int


class HiddenLog:
    """What an open transaction hides of one log; the last word on it outlives a lane's loop.

    Attributes
    ----------
    view : LogView
        Of the newest answer.
    since_s : float or None
        Since when it has hidden the same record and all behind it, on the monotonic clock.
    alarm : Message or None
        The alarm that rings for it.
    """

    def __init__(self) -> None:
        self.view = LogView()
        self.since_s: float | None = None
        self.alarm: Message | None = None

    def hear(self, view: LogView) -> None:
        """Take what the newest answer said; before the first one nothing is known."""
        if not view.answered_ms:
            return
        if view.end <= view.stable_end:
            self.since_s = None
        elif self.since_s is None or view.stable_end != self.view.stable_end:
            self.since_s = time.monotonic()
        self.view = view

    @property
    def hidden_s(self) -> float:
        """How long an open transaction has hidden the same record and all behind it."""
        return 0.0 if self.since_s is None else time.monotonic() - self.since_s


class BrokerContact:
    """What one lane of this worker knows of its brokers; it outlives what ends the lane's loop.

    Only time in which a fetch waited counts as asked in vain: a lane that is busy does not ask.

    Parameters
    ----------
    clock : Clock
    away_s : float
        How long brokers may not answer before they count as away.

    Attributes
    ----------
    answered_at_s : float or None
        When a fetch was last answered, on the monotonic clock.
    telemetry, commands : HiddenLog
        What is hidden of either.
    blind : list of Blind
        Long outages that nobody was told of yet.
    """

    def __init__(self, clock: Clock, away_s: float = AWAY_S) -> None:
        self._clock = clock
        self._away_s = away_s
        self._failed = False
        self.telemetry, self.commands = HiddenLog(), HiddenLog()
        self._last_ms: int | None = None  # of the newest answer, on the lane's clock
        self._asking_at_s: float | None = None
        self._vain_s = 0.0
        self._outages: list[Away] = []  # those that no journal holds yet
        self._taken = 0  # of these, in entries that are not yet written
        self.answered_at_s: float | None = None
        self.blind: list[Blind] = []

    def begin(self, position: int) -> None:
        """The lane begins anew; entries that were not written are gone.

        Parameters
        ----------
        position : int
            How far it has told. When that lies behind all that was known here, another worker has
            had the lane since, and has journalled what it did not hear.
        """
        self._taken = 0
        if position > self.telemetry.view.end:
            self._outages.clear()
            self.blind.clear()
            self._failed, self._vain_s, self._last_ms = False, 0.0, None
        if self.answered_at_s is None:
            self.answered_at_s = time.monotonic()  # to those who read its logs

    def fail(self) -> None:
        """A collaborator is away: what lies between the last answer and the next is an outage."""
        self._failed = True

    def ask(self) -> None:
        """A fetch begins."""
        self._asking_at_s = time.monotonic()

    def leave(self) -> None:
        """Nobody fetches any more, until the lane begins anew."""
        self._vain_s, self._asking_at_s = self.vain_s, None

    def hear(self, view: LogView) -> None:
        """A fetch has ended; `view` is what the newest answer said, which may be an older one."""
        vain_s = self.vain_s
        self._asking_at_s = None
        if view.answered_ms in {0, self.telemetry.view.answered_ms}:
            self._vain_s = vain_s
            return
        now_ms = self._clock.now_ms()
        last_ms = now_ms if self._last_ms is None else self._last_ms
        gap_s = (now_ms - last_ms) / 1000
        if (self._failed or vain_s >= self._away_s) and gap_s >= self._away_s:
            self._outages.append(Away(self.telemetry.view.end, int(-(-gap_s // 1))))
            if gap_s >= TOLD_S:
                self.blind.append(Blind(last_ms, now_ms))
        self.answered_at_s = time.monotonic()
        self.telemetry.hear(view)
        self._last_ms, self._vain_s, self._failed = now_ms, 0.0, False

    @property
    def vain_s(self) -> float:
        """How long fetches have waited since the last answer."""
        asking_s = 0.0 if self._asking_at_s is None else time.monotonic() - self._asking_at_s
        return self._vain_s + asking_s

    @property
    def in_touch(self) -> bool:
        """Whether brokers answer, and no outage waits for its journal entry."""
        return self.vain_s < self._away_s and len(self._outages) == self._taken

    @property
    def end(self) -> int:
        """Offset behind the last record of the log in the newest answer, readable or not."""
        return self.telemetry.view.end

    def outage(self, position: int) -> Away | None:
        """The next outage that wants a journal entry; at once where its place is gone.

        Parameters
        ----------
        position : int
            Next offset that the lane takes. Brokers may lose the end of a log when they fall.
        """
        if len(self._outages) == self._taken:
            return None
        found = self._outages[self._taken]
        return found if position < self.end else found._replace(at=min(found.at, position))

    def take(self) -> None:
        """That outage is in an entry, which is yet to be written."""
        self._taken += 1

    def written(self) -> None:
        """What was taken is in the journal."""
        del self._outages[: self._taken]
        self._taken = 0


class BrokerContacts:
    """Those of all lanes that a worker has or had.

    Parameters
    ----------
    clock : Clock
    away_s : float
        How long they may not answer before they count as away; those in the process never are.
    """

    def __init__(self, clock: Clock, away_s: float = AWAY_S) -> None:
        self._clock = clock
        self._away_s = away_s
        self._by_lane: dict[int, BrokerContact] = {}

    def of(self, lane: int) -> BrokerContact:
        """That of a lane, new or not."""
        return self._by_lane.setdefault(lane, BrokerContact(self._clock, self._away_s))
