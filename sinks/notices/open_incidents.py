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


class OpenIncidents:
    """By incident and desk; made anew from the topics behind a restart.

    Ends come by notices and by incidents themselves (closed by a person, or nobody was told of the
    end), from two topics in any order: an incident that is known to be closed opens for a newer
    revision alone.

    Parameters
    ----------
    receiver : str
        For messages.
    """

    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._told: dict[tuple[str, str], _Told] = {}
        self._closed: dict[str, int] = {}  # with their last revisions

    def told(self, notice: Notice, offset: int, incidents: int) -> bool:
        """A notice was told; whether its incident is open now.

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
        closed = notice.revision <= self._closed.get(notice.incident, -1)
        if not notice.incident or notice.reason in ENDS or closed:
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
        if incident.situation.state == "active" and not incident.ticket.verdict:
            return
        self._closed[incident.id] = incident.revision
        if len(self._closed) > CLOSED_MAX:
            del self._closed[next(iter(self._closed))]
        gone = [
            key
            for key, (notice, _) in self._told.items()
            if notice.incident == incident.id and notice.revision <= incident.revision
        ]
        for key in gone:
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
        return (told.notice for told in self._told.values())
