"""`tocsin alarms withheld`: what desks were not told, and why."""

import argparse
import sys
from collections.abc import Iterable

import msgspec

from alarms.duty.withheld_text import why_withheld
from contracts.desk.notice import Notice
from operate.desk.records import desk_told, desks_asked, instant_s, period_asked
from operate.settings import settled


async def withheld(arguments: argparse.Namespace) -> int:
    """Print every notice that was withheld, a sentence in each language or a record."""
    configuration = settled(arguments)
    period, desks = period_asked(arguments), desks_asked(arguments, configuration)
    told = await desk_told(configuration)
    own = [n for n in told.notices if period.begins_s <= instant_s(n.at) < period.ends_s]
    found = chosen(own, [desk.id for desk in desks], arguments.incident, arguments.reason)
    for notice in found:
        sys.stdout.write(f"{_json(notice) if arguments.json else _lines(notice)}\n")
    if not found and not arguments.json:
        sys.stdout.write("nothing that fits was withheld\n")
    return 0


def chosen(
    notices: Iterable[Notice], desks: Iterable[str], target: str | None, reason: str | None
) -> list[Notice]:
    """Those that were withheld from some desks.

    Parameters
    ----------
    notices : iterable of Notice
    desks : iterable of str
    target : str or None
        An incident, or an alarm that begins one; None for all.
    reason : str or None
        What kept it back; None for all.
    """
    wanted = set(desks)
    return [
        notice
        for notice in notices
        if notice.withheld is not None
        and notice.desk in wanted
        and target in (None, notice.incident, notice.alarm)
        and reason in (None, notice.withheld.by)
    ]


def _json(notice: Notice) -> str:
    return msgspec.json.encode(notice).decode()


def _lines(notice: Notice) -> str:
    why = why_withheld(notice)
    return f"{notice.at} {notice.reason}: {why['en']}\n  {why['zh']}"
