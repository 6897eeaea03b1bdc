"""`tocsin alarms kpi`: how well every desk is served, by ISA-18.2 and EEMUA 191."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Final

import msgspec

from alarms.duty.desk_kpi import DeskKpi, desk_kpi
from lab.reports.tables import columns, lasting
from operate.desk.records import desk_told, desks_asked, period_asked
from operate.settings import settled

INDICATIVE: Final = "indicative: shorter than the 30 days that ISA-18.2 asks for"
_HEAD: Final = (
    *("desk", "notices", "in 10 min", "above 10", "peak", "upset", "floods", "foremost"),
    *("chattering", "fleeting", "stale"),
)


async def desk_kpis(arguments: argparse.Namespace) -> int:
    """Print the measures of one desk, or of all."""
    configuration = settled(arguments)
    period, desks = period_asked(arguments), desks_asked(arguments, configuration)
    told = await desk_told(configuration)
    found = [desk_kpi(told, desk.id, period) for desk in desks]
    if arguments.json:
        lines = [msgspec.json.encode(one).decode() for one in found]
    else:
        lines = list(kpi_lines(found, configuration.civil_time))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def kpi_lines(found: Sequence[DeskKpi], zone: timezone) -> Iterator[str]:
    """Measures of desks as a table, then answers, colours and what was withheld, a line each.

    Parameters
    ----------
    found : sequence of DeskKpi
        Of one period; at least one.
    zone : timezone
        Of the dates.
    """
    first = found[0]
    begins, ends = (
        datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M")
        for second in (first.begins_s, first.ends_s)
    )
    short = f" ({INDICATIVE})" if first.rates.indicative else ""
    yield f"{begins} to {ends}{short}"
    yield from columns([_HEAD, *map(_row, found)])
    for one in found:
        yield from _details(one)


def _row(one: DeskKpi) -> tuple[str, ...]:
    rates = one.rates
    return (
        one.desk,
        f"{rates.notices}",
        f"{rates.mean:.2f}",
        f"{rates.above:.2%}",
        f"{rates.peak}",
        f"{rates.upset:.1f}",
        f"{len(rates.floods)}",
        f"{rates.foremost:.0%}",
        f"{len(one.chattering)}",
        f"{len(one.fleeting)}",
        f"{len(one.stale)}",
    )


def _details(one: DeskKpi) -> Iterator[str]:
    """What a row has no room for; nothing of a desk that nothing happened to."""
    if one.rates.colours:
        yield f"{one.desk}: told {_counted(one.rates.colours)}"
    for level, found in one.responses.items():
        took = f", median {lasting(found.median_s)}, worst {lasting(found.worst_s)}"
        yield (
            f"{one.desk}: {found.asked} calls at level {level}, {found.answered} answered, "
            f"{found.in_time} in time{took if found.answered else ''}"
        )
    if one.rates.withheld:
        yield f"{one.desk}: withheld {_counted(one.rates.withheld)}"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())
