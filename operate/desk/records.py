"""Reads what the desk stage told from its topics, and the period that somebody asks about."""

import argparse
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from alarms.duty.desk_kpi import DeskTold
from alarms.duty.desks import Desk
from alarms.duty.kpi import DAY_S, DAYS_MIN, WINDOW_S, Period
from broker.partition_reader import Found, LaneReader
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from contracts.alarm import ShelvingRecord
from contracts.civil_time import moment_ms
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.command_desk import reading

KIND: Final = "tocsin"  # header that says what a record is
MS_PER_S: Final = 1_000
LONGEST_S: Final = DAYS_MIN * DAY_S


async def desk_told(configuration: Configuration) -> DeskTold:
    """Notices, incidents and open alarms, as far as their topics hold them.

    Raises
    ------
    TocsinError
        When the brokers are away or refuse.
    """
    names = TopicNames(configuration.settings.app)
    async with reading(configuration) as reader:
        return DeskTold(
            _of_kind(await _records(reader, names.notices), "notice", Notice),
            _of_kind(await _records(reader, names.incidents), "incident", Incident),
            _open(await _records(reader, names.current)),
        )


async def _records(reader: LaneReader, topic: str) -> list[Found]:
    found, _ = await reader.read(topic, 0, None)
    return found


def _of_kind(records: Iterable[Found], kind: str, of: type[Any]) -> list[Any]:
    mine = [one for one in records if dict(one.headers).get(KIND) == kind.encode()]
    return [msgspec.json.decode(one.value, type=of) for one in mine]


def _open(records: Iterable[Found]) -> list[CurrentAlarm]:
    """The newest record of every alarm, without those that are over."""
    bodies = {one.key: one.value for one in records if one.key}
    return [msgspec.json.decode(body, type=CurrentAlarm) for body in bodies.values() if body]


async def shelvings(configuration: Configuration, at_s: int) -> list[ShelvingRecord]:
    """Channels that are shelved at a time, by their ids.

    Parameters
    ----------
    configuration : Configuration
    at_s : int
        Seconds since 1970 UTC.
    """
    names = TopicNames(configuration.settings.app)
    newest: dict[str, ShelvingRecord] = {}
    async with reading(configuration) as reader:
        for lifeline, lanes in configuration.partitions.items():
            for lane in range(lanes):
                found, _ = await reader.read(names.alarms(lifeline), lane, None)
                told = _of_kind(found, "shelving", ShelvingRecord)
                newest |= {one.channel: one for one in told if instant_s(one.since) < at_s}
    there = [one for one in newest.values() if one.ended is None and instant_s(one.until) > at_s]
    return sorted(there, key=lambda one: one.channel)


def period_asked(arguments: argparse.Namespace, length_s: int = LONGEST_S) -> Period:
    """Whole windows of ten minutes around what was asked for.

    Parameters
    ----------
    arguments : argparse.Namespace
        With `begin` and `end`, RFC 3339 or None.
    length_s : int
        Up to the end, or up to now, where no beginning is named.

    Raises
    ------
    ConfigError
        When a time cannot be read, or the end does not lie behind the beginning.
    """
    now_s = time.time()
    ends_s = _seconds("--to", arguments.end, now_s)
    begins_s = _seconds("--from", arguments.begin, ends_s - length_s)
    if begins_s >= ends_s:
        msg = (
            f"--to: expected a time behind --from ({arguments.begin}), got {arguments.end}; "
            "correct one of them"
        )
        raise ConfigError(msg)
    first, last = int(begins_s // WINDOW_S), -int(-ends_s // WINDOW_S)
    return Period(first * WINDOW_S, last * WINDOW_S)


def instant_s(text: str) -> int:
    """Seconds since 1970 UTC of a record's time.

    >>> instant_s("1970-01-01T08:00:05+08:00")
    5
    """
    return int(datetime.fromisoformat(text).timestamp())


def _seconds(option: str, text: str | None, otherwise: float) -> float:
    return otherwise if text is None else moment_ms(option, text) / MS_PER_S


def desks_asked(arguments: argparse.Namespace, configuration: Configuration) -> list[Desk]:
    """The desk that was asked for, or all that are configured.

    Raises
    ------
    ConfigError
        When there is no such desk.
    """
    plan = DeskConfiguration.load(arguments.configs, configuration).duty.plan
    if arguments.desk is None:
        return list(plan.desks)
    found = plan.desks.get(arguments.desk)
    if found is None:
        known = ", ".join(desk.id for desk in plan.desks)
        msg = f"--desk: expected one of {known}, got {arguments.desk!r}; correct it"
        raise ConfigError(msg)
    return [found]
