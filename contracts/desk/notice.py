"""Notices: who was told what of an incident, who was not, and why not."""

from typing import Literal

import msgspec

NoticeReason = Literal[
    "new", "colour", "root", "lifeline", "impact", "escalated", "reminder", "over", "handover",
    "nobody on duty", "merged", "split", "summary", "daily list", "heartbeat",
]  # fmt: skip


class Withheld(msgspec.Struct, frozen=True):
    """Why a desk was not told.

    Parameters
    ----------
    by : str
        What kept it back.
    until : str
        RFC 3339, empty where no time ends it.
    detail : str
        Which shelving, incident, order or budget it was.
    """

    by: Literal[
        "shelved", "inhibited", "duplicate", "chattering", "fleeting", "budget", "off duty",
        "drill", "maintenance", "daily list",
    ]  # fmt: skip
    until: str = ""
    detail: str = ""


class Notice(msgspec.Struct, frozen=True):
    """One thing that a desk is told, or is not told for a stated reason.

    Parameters
    ----------
    id : str
        `n-` and 16 hex digits of (incident, revision, desk, reason), and of how many such there
        were before if there were any.
    incident : str
        Its id; that of the line of a single alarm, too. Empty for a summary, a daily
        list or a heartbeat.
    alarm : str
        Its first alarm.
    revision : int
        Of the incident, 0 for a line; of those without one its time in seconds.
    desk, level : str
        Who is told.
    to : list of str
        People on duty there.
    at : str
        RFC 3339.
    text : dict of str to str
        In both languages.
    withheld : Withheld or None
        None when it was told.
    counts : dict of str to int
        Of a summary or a daily list: `all` notices that it stands for, and how many by colour and
        by reason. Of a heartbeat: `channels`, how many are `watched`, and `blind areas`.
    acknowledge_by : str
        RFC 3339, by when its desk must acknowledge; empty when it is asked for nothing.
    """

    id: str
    incident: str
    alarm: str
    revision: int
    desk: str
    level: str
    to: list[str]
    reason: NoticeReason
    colour: str
    at: str
    text: dict[str, str]
    withheld: Withheld | None = None
    drill: bool = False
    late: bool = False
    counts: dict[str, int] = {}
    acknowledge_by: str = ""
