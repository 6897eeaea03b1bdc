"""Closed incidents as they were told last: a verdict that comes late is told with them."""

from functools import partial
from typing import Any

import msgspec

from alarms.copies.records import at_once
from alarms.lifecycle import tickets
from contracts.desk.incident import Incident, Ticket
from contracts.ports.desk import SlicedCopy

_RECORD = msgspec.json.Decoder(Incident)


class ClosedIncidents:
    """Remembers as many closed incidents as there are closed tickets that take a word yet.

    Grouping forgets an incident when its ticket is closed. What people say of it later, above all
    whether it was true, changes its ticket, and the record has to say so: labels are made of it.
    """

    def __init__(self) -> None:
        self._told: dict[str, str] = {}  # records in order of closing

    def keep(self, incident: str, record: bytes) -> None:
        """Remember the record that tells that an incident is closed."""
        self._told[incident] = record.decode()
        while len(self._told) > tickets.CLOSED_MAX:
            del self._told[next(iter(self._told))]

    def again(self, incident: str, ticket: Ticket, at: str, *, drill: bool) -> Incident | None:
        """The next revision of a closed incident under its ticket of now, and remember that.

        Parameters
        ----------
        incident : str
        ticket : Ticket
        at : str
            Desk time.
        drill : bool
            Whether a drill is on: what it says of itself stays said.

        Returns
        -------
        Incident or None
            None when it was closed too long ago, or by an earlier release.
        """
        if incident not in self._told:
            return None
        last = _RECORD.decode(self._told[incident])
        told = msgspec.structs.replace(
            last,
            revision=last.revision + 1,
            reason="ticket",
            at=at,
            ticket=ticket,
            drill=last.drill or drill,
        )
        self._told[incident] = msgspec.json.encode(told).decode()
        return told

    def state(self) -> dict[str, Any]:
        """What is remembered, as plain data."""
        return {"told": dict(self._told)}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        return at_once(partial(dict, told=dict(self._told)))

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave; snapshots of earlier releases have nothing."""
        self._told = dict(state.get("told", {}))
