"""`tocsin history`: make it anew, migrate it, prune it, and ask it."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from configuration.configuration import Configuration
from configuration.settings import Settings
from contracts.civil_time import civil_zone
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from operate.settings import settled
from sinks.history import queries
from sinks.history.opening import store_of
from sinks.history.projection import History, history_topics
from sinks.history.queries import IncidentFilter, Period
from sinks.history.retention import newest_ms, prune
from sinks.history.versions import check_version, migrate

DAY_MS: Final = 86_400_000
FETCH_S: Final = 0.5
CLIENT: Final = "tocsin-history"


def topics_of(configuration: Configuration, *, check_crcs: bool = True) -> TopicReader:
    """A reader of everything of which a history is made."""
    settings = configuration.settings
    return TopicReader(
        TopicReaderSettings(
            client=CLIENT,
            bootstrap=settings.kafka.bootstrap,
            security=settings.kafka,
            partitions=history_topics(TopicNames(settings.app), configuration.partitions),
            max_partition_fetch_bytes=settings.limits.message_bytes,
            check_crcs=check_crcs,
        )
    )


async def rebuild_history(arguments: argparse.Namespace) -> int:
    """Make the history anew from the topics beside the present one, then take its place.

    A process that keeps the present one up to date may go on: it sees that another one wrote, and
    continues where the new history ends.
    """
    configuration = settled(arguments)
    settings = configuration.settings
    store = store_of(settings.history, settings.state, patient=True)
    draft = store.draft()
    history, reader = History(draft, TopicNames(settings.app)), topics_of(configuration)
    taken = 0
    try:
        await reader.start()
        await reader.seek(history.positions())
        while not reader.caught_up():
            records, behind = await reader.fetch(FETCH_S)
            history.apply(records, behind)
            taken += len(records)
    finally:
        await reader.close()
        history.close()
    store.become(draft)
    store.close()
    _say(f"{store.where}: made anew from {taken} records, {history.unreadable} of them unreadable")
    return 0


def tend_history(arguments: argparse.Namespace) -> int:
    """Migrate or prune, and say what was done."""
    settings: Settings = settled(arguments).settings
    store = store_of(settings.history, settings.state, patient=True)
    try:
        if arguments.act == "migrate":
            before, after = migrate(store)
            _say(f"{store.where}: version {after} of the tables, {before or 'none'} before")
            return 0
        check_version(store)
        days = settings.history.days if arguments.days is None else arguments.days
        now_ms = min(int(time.time() * 1000), newest_ms(store))
        removed = prune(store, now_ms - days * DAY_MS)
        told = ", ".join(f"{count} of {name}" for name, count in removed.items() if count)
        _say(f"{store.where}: removed {told or 'nothing'} older than {days} days")
    finally:
        store.close()
    return 0


def ask_history(arguments: argparse.Namespace) -> int:
    """Print what a question has for answers, a line each."""
    configuration = settled(arguments)
    settings: Settings = configuration.settings
    store = store_of(settings.history, settings.state)
    try:
        check_version(store)
        with store.reading() as connection:
            found = _QUESTIONS[arguments.act](connection, arguments)
    finally:
        store.close()
    zone = civil_zone(settings.zone)
    for one in found:
        shown = msgspec.json.encode(one).decode() if arguments.json else _line(one, zone)
        _say(shown)
    return 0


def _incidents(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    wanted = IncidentFilter(asked.lifeline, asked.district, asked.colour, asked.owner, asked.desk)
    return queries.open_incidents(connection, wanted, asked.most)


def _show(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    found = queries.timeline(connection, asked.incident)
    if not found:
        text = f"expected an incident of this history, got {asked.incident!r}"
        msg = f"history: {text}; `tocsin history incidents` has those that are open"
        raise ConfigError(msg)
    return found


def _audit(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    return queries.audit(connection, asked.by, _period(asked), asked.most)


def _withheld(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    return queries.withheld(connection, asked.desk, _period(asked), asked.most)


def _alarms(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    return queries.alarms_of(connection, asked.channel, _period(asked), asked.most)


def _unreadable(connection: Connection, asked: argparse.Namespace) -> Iterable[Any]:
    return queries.unreadable(connection, asked.most)


_QUESTIONS: Final[dict[str, Callable[[Connection, argparse.Namespace], Iterable[Any]]]] = {
    "incidents": _incidents,
    "show": _show,
    "audit": _audit,
    "withheld": _withheld,
    "alarms": _alarms,
    "unreadable": _unreadable,
}


def _period(asked: argparse.Namespace) -> Period:
    begin = 0 if asked.begin is None else _ms("--from", asked.begin)
    end = Period().until_ms if asked.end is None else _ms("--to", asked.end)
    return Period(begin, end)


def _ms(option: str, text: str) -> int:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        then = None
    if then is None or then.tzinfo is None:
        msg = (
            f"{option}: expected a time with an offset such as 2026-03-01T08:00+08:00, got {text!r}"
        )
        raise ConfigError(msg)
    return int(then.timestamp() * 1000)


def _line(one: Any, zone: Any) -> str:
    """What a person reads of an answer: times of the city, nothing that is empty."""
    words = []
    for name in one.__struct_fields__:
        value = getattr(one, name)
        if name.endswith("_ms") and value is not None:
            at = datetime.fromtimestamp(value / 1000, UTC).astimezone(zone)
            words.append(at.isoformat(timespec="seconds"))
        elif isinstance(value, bool):
            words += [name.replace("_", " ")] * value
        elif name != "body" and value not in {None, ""}:
            words.append(str(value))
    return "  ".join(words)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
