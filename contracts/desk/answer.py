"""An alarm with its answer, as `tocsin.alarms.current` keeps it."""

from typing import Literal

import msgspec

from contracts.alarm import Alarm

Acknowledgement = Literal["unacknowledged", "acknowledged", "confirmed"]


class ShelvedBy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds an alarm's channel back, why and for how long.

    Parameters
    ----------
    by, role, reason : str
    since, until : str
        RFC 3339, time of its lane: when it began, and when it ends by itself at the latest.
    once : bool
        Whether it ends before that, once nothing rings on the channel (ISA-18.2: one-shot).
    """

    by: str
    role: str
    reason: str
    since: str
    until: str
    once: bool = False


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """State vector of an alarm after OPC UA part 9 and ISA-18.2.

    Parameters
    ----------
    active : bool
        Whether the condition stands.
    acknowledged, confirmed : bool
        Whether a person has seen it; whether a person says that it is dealt with.
    latched : bool
        Whether it stays until a person resets it although the condition is over.
    shelved, suppressed, out_of_service : bool
        Held back by a person; by design; by maintenance.
    state : str
        ISA-18.2: `normal`, `unacknowledged`, `acknowledged`, `returned unacknowledged`, `latched
        unacknowledged`, `latched acknowledged`, `shelved`, `suppressed`, `out of service`.
    first_in_group : bool
        Whether it was the first of its incident.
    alarms : int
        How often it has become active under this id's channel and rule: a re-alarm counts.
    chattering, fleeting : bool
        Three or more times within a minute; over again before anybody could answer.
    by, role, reason, at : str
        Who answered last, why and when.
    shelving : ShelvedBy or None
        Of one that is shelved; None where its lane told nothing of it.
    """

    active: bool
    acknowledged: bool
    confirmed: bool
    latched: bool
    shelved: bool
    suppressed: bool
    out_of_service: bool
    state: str
    first_in_group: bool = False
    alarms: int = 1
    chattering: bool = False
    fleeting: bool = False
    by: str = ""
    role: str = ""
    reason: str = ""
    at: str = ""
    shelving: ShelvedBy | None = None


class CurrentAlarm(msgspec.Struct, frozen=True):
    """Newest revision of an alarm with its answer; a record without a body when it is over."""

    alarm: Alarm
    answer: Answer
    incident: str
    drill: bool = False
