"""What the demo found: known events against alarms, accounts, files."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from lab.feeds.feed import Feed, Known, KnownIncident
from lab.reports.demo_page import page, unrung


@dataclass(frozen=True, slots=True)
class Told:
    """What came out of a run: revisions in order, accounts by feed, and what the desk told."""

    revisions: Sequence[Alarm]
    accounts: dict[str, dict[str, int]]
    incidents: Sequence[Incident] = ()
    notices: Sequence[Notice] = ()


class Heard(Protocol):
    """Whoever kept what was told."""

    told: list[Alarm]
    bodies: list[bytes]
    incidents: list[Incident]
    notices: list[Notice]


def summary(feeds: Sequence[Feed], told: Told, seconds: float) -> dict[str, Any]:
    """Known events against alarms, and the accounts of all lanes."""
    rung = {alarm.id: alarm for alarm in reversed(told.revisions)}  # the first revision of each
    known, explained = [], set()
    for feed in feeds:
        for event in feed.known:
            inside = [
                alarm
                for alarm in rung.values()
                if event.rings(
                    alarm.channel, alarm.rule.name, datetime.fromisoformat(alarm.detected)
                )
            ]
            explained |= {alarm.id for alarm in inside}
            rung_at = min((alarm.detected for alarm in inside), default=None)
            known.append(_known(feed, event, rung_at))
        known += [_known(feed, loss, _found_at(loss, told.incidents)) for loss in feed.incidents]
    others = [alarm for alarm in rung.values() if alarm.id not in explained]
    total: Counter[str] = Counter()
    for account in told.accounts.values():
        total.update(account)
    return {
        "known_events": known,
        "other_alarms": len(others),
        "others": [_other(alarm) for alarm in others],
        "accounting": dict(total),
        "accounting_by_lifeline": told.accounts,
        "readings_per_second": round(total["received"] / seconds, 1) if seconds else 0.0,
        "desk": _desk(told),
    }


def _known(feed: Feed, event: Known | KnownIncident, rung_at: str | None) -> dict[str, Any]:
    return {
        "name": event.name,
        "lifeline": feed.lifeline,
        "expected": event.begin.isoformat(),
        "rung_at": rung_at,
        "injected": event.injected,
    }


def _found_at(event: KnownIncident, incidents: Sequence[Incident]) -> str | None:
    """When an incident first held the assets of an event, and nothing else, under its root."""
    for incident in incidents:
        told, root = incident.situation, incident.situation.root
        assets = {f"{member.lifeline}.{member.asset}" for member in told.members}
        if root and f"{root.lifeline}.{root.asset}" == event.root and assets == event.assets:
            return incident.at
    return None


def _desk(told: Told) -> dict[str, Any]:
    """How many alarms became how many incidents and notices."""
    newest = {incident.id: incident.situation for incident in told.incidents}
    there = [situation for situation in newest.values() if situation.state != "merged"]
    said = [notice for notice in told.notices if notice.withheld is None]
    kept = Counter(notice.withheld.by for notice in told.notices if notice.withheld)
    return {
        "incidents": len(there),
        "alarms_in_incidents": sum(situation.counts["all"] for situation in there),
        "notices": len(said),
        "notices_by_desk": dict(sorted(Counter(notice.desk for notice in said).items())),
        "withheld": dict(sorted(kept.items())),
    }


def _other(alarm: Alarm) -> dict[str, str]:
    return {
        "id": alarm.id,
        "lifeline": alarm.lifeline,
        "channel": alarm.channel,
        "rule": alarm.rule.name,
        "colour": alarm.colour,
        "detected": alarm.detected,
        "say": alarm.say["en"],
    }


def report(folder: Path, feeds: Sequence[Feed], listener: Heard, result: dict[str, Any]) -> None:
    """Write the report folder and say what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alarms.jsonl").write_bytes(b"".join(body + b"\n" for body in listener.bodies))
    (folder / "summary.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    _lines(folder / "incidents.jsonl", listener.incidents)
    _lines(folder / "notices.jsonl", listener.notices)
    (folder / "index.html").write_text(page(feeds, listener, result), encoding="utf-8")
    write = sys.stdout.write
    write("\n")
    for event in result["known_events"]:
        found = f"rang {event['rung_at']}" if event["rung_at"] else unrung(result)
        write(f"{event['lifeline']:10}  {event['name']}: {found}\n")
    for other in result["others"]:
        write(f"{other['lifeline']:10}  other: {other['detected']} {other['say']}\n")
    write(f"{_desk_line(result['desk'])}\n")
    account = result["accounting"]
    parts = " + ".join(f"{n} {word}" for word, n in account.items() if n and word != "received")
    write(f"{account.get('received', 0)} received = {parts}\n")
    if result["interrupted"]:
        write(f"interrupted before the end, {result['where']}\n")
    write(f"{result['other_alarms']} other alarms; report in {folder}/index.html\n")


def _desk_line(desk: dict[str, Any]) -> str:
    """What the desk made of alarms, in one line."""
    withheld = sum(desk["withheld"].values())
    most = max(desk["notices_by_desk"].values(), default=0)
    return (
        f"desk: {desk['alarms_in_incidents']} alarms in {desk['incidents']} incident"
        f"{'s' * (desk['incidents'] != 1)}, {desk['notices']} notices to "
        f"{len(desk['notices_by_desk'])} desks (at most {most} to one), {withheld} withheld"
    )


def _lines(path: Path, records: Sequence[Incident] | Sequence[Notice]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
