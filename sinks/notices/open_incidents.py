"""What one receiver was told last of each incident that is not over."""

import logging
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.desk.receipt import INCIDENTS, NOTICES

log = logging.getLogger("tocsin.notices")

ENDS: Final = frozenset({"over", "merged"})  # reasons of notices behind which nothing is open
OPEN_MAX: Final = 10_000  # of one receiver; beyond it the oldest is let go
CLOSED_MAX: Final = 10_000


class _Told(NamedTuple):
    notice: Notice
    since: dict[str, int]


class _Closed(NamedTuple):
    revision: int
    ends: bool  # whether notices of its end come, as they do unless a person has closed it


class OpenIncidents:
    """By incident and desk; made anew from the topics behind a restart.

    Ends come by notices and by incidents themselves (closed by a person, or nobody was told of the
    end), from two topics in any order: an incident that is known to be closed opens for a newer
    revision alone. What was told of one is known until the notice of its end, which may refer to
    it.

    Parameters
    ----------
    receiver : str
        For messages.
    """

    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._told: dict[tuple[str, str], _Told] = {}
        self._closed: dict[str, _Closed] = {}

    def told(self, notice: Notice, offset: int, incidents: int) -> bool:
        """A notice was told; whether its end is still to come.

        Parameters
        ----------
        notice : Notice
        offset : int
            Its own.
        incidents : int
            Offset of the next incident when it was read.
        """
        key = (notice.incident, notice.desk)
        self._told.pop(key, None)
        closed = self._closed_by(notice)
        if not notice.incident or notice.reason in ENDS or (closed and not closed.ends):
            return False
        self._told[key] = _Told(notice, {NOTICES: offset, INCIDENTS: incidents})
        if len(self._told) > OPEN_MAX:
            oldest = next(iter(self._told))
            del self._told[oldest]
            log.error(
                "%s: expected at most %d open incidents, got more; %s is told no longer",
                self._receiver,
                OPEN_MAX,
                oldest[0],
            )
        return True

    def ended(self, notice: Notice) -> None:
        """A notice that is not told says that it is over."""
        self._told.pop((notice.incident, notice.desk), None)

    def heard(self, incident: Incident) -> None:
        """A revision of an incident came."""
        self._closed.pop(incident.id, None)
        ends = incident.situation.state != "active"
        if not ends and not incident.ticket.verdict:
            return
        self._closed[incident.id] = _Closed(incident.revision, ends)
        if not ends:
            self._let_go(incident.id)
        if len(self._closed) > CLOSED_MAX:
            oldest = next(iter(self._closed))
            self._let_go(oldest)
            del self._closed[oldest]

    def _closed_by(self, notice: Notice) -> _Closed | None:
        """What closed the incident of a notice, None while it is open."""
        closed = self._closed.get(notice.incident)
        return closed if closed is not None and notice.revision <= closed.revision else None

    def _let_go(self, incident: str) -> None:
        """Forget what was told of an incident up to where it was closed."""
        for key, (notice, _) in list(self._told.items()):
            if notice.incident == incident and self._closed_by(notice):
                del self._told[key]

    def newest(self, notice: Notice) -> Notice | None:
        """What the same desk was told last of the same incident."""
        found = self._told.get((notice.incident, notice.desk))
        return None if found is None else found.notice

    def since(self, behind: Mapping[str, int]) -> dict[str, int]:
        """From where on the topics must be read to know all this again."""
        positions = [told.since for told in self._told.values()]
        return {
            topic: min([at, *(one[topic] for one in positions)]) for topic, at in behind.items()
        }

    def __iter__(self) -> Iterator[Notice]:
        return (told.notice for told in self._told.values() if not self._closed_by(told.notice))
