"""What the demo found: known events against alarms, accounts, files."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from contracts.alarm import Alarm
from lab.feeds.feed import Feed
from lab.reports.demo_page import page, unrung


@dataclass(frozen=True, slots=True)
class Told:
    """What came out of a run: revisions in order, and accounts by lifeline."""

    revisions: Sequence[Alarm]
    accounts: dict[str, dict[str, int]]


class Heard(Protocol):
    """Whoever kept revisions and their bodies."""

    told: list[Alarm]
    bodies: list[bytes]


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
            known.append(
                {
                    "name": event.name,
                    "lifeline": feed.lifeline,
                    "expected": event.begin.isoformat(),
                    "rung_at": min((alarm.detected for alarm in inside), default=None),
                    "injected": event.injected,
                }
            )
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
    (folder / "index.html").write_text(page(feeds, listener.told, result), encoding="utf-8")
    write = sys.stdout.write
    write("\n")
    for event in result["known_events"]:
        found = f"rang {event['rung_at']}" if event["rung_at"] else unrung(result)
        write(f"{event['lifeline']:10}  {event['name']}: {found}\n")
    for other in result["others"]:
        write(f"{other['lifeline']:10}  other: {other['detected']} {other['say']}\n")
    account = result["accounting"]
    parts = " + ".join(f"{n} {word}" for word, n in account.items() if n and word != "received")
    write(f"{account.get('received', 0)} received = {parts}\n")
    if result["interrupted"]:
        write(f"interrupted before the end, {result['where']}\n")
    write(f"{result['other_alarms']} other alarms; report in {folder}/index.html\n")
