"""Tests beside packs: given a series, expect these alarms; run by `tocsin check --test`.

A file `<class>.test.yaml` in a lifeline's folder holds tests such as

    tests:
      - name: a main that bursts at night rings in five minutes
        every: 60 s
        series: {water.dma-0401.pressure: "0.30x30 0.13x10 0.30x20"}
        expect:
          - {at: 35 min, rule: limit, colour: orange}
          - {at: 45 min, rule: limit, colour: clear}

Values are `0.30`, `0.30x30` for thirty of them, `0.30..0.10x5` for five steps from the first to the
second, and `_` for a reading that does not come. All revisions of the named channels must be
expected, and all expected ones must come.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings, nearest
from configuration.yaml.located import located
from configuration.yaml.placeholders import without_placeholders
from contracts.alarm import decode_alarm
from contracts.errors import ConfigError
from contracts.quantities import NS_PER_MS, Duration
from contracts.records import Records
from ingest.timestamps import read_mixed_times
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay

SUFFIX: Final = ".test.yaml"
READINGS_MAX: Final = 100_000
START: Final = datetime(2026, 3, 2)  # noqa: DTZ001 - a Monday in the city's time zone
_ITEM = re.compile(r"(_|[-+.0-9eE]+?)(?:\.\.([-+0-9eE.]+?))?(?:x([0-9]{1,6}))?")

Text = Annotated[str, Meta(min_length=1, max_length=100_000)]


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One revision: when after the start, of which rule, in which colour; channel if several."""

    at: Duration
    rule: Text
    colour: Text
    channel: str = ""


class RuleTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One test.

    Parameters
    ----------
    name : str
    series : dict of str to str
        Values by channel.
    expect : list of Expected
        Every revision of these channels, in any order.
    every : Duration
        Time between readings of a channel.
    start : str or None
        RFC 3339 time of the first reading; by default the first hour of a Monday in the city.
    """

    name: Text
    series: dict[str, Text]
    expect: list[Expected]
    every: Duration
    start: Text | None = None


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of tests."""

    tests: Annotated[list[RuleTest], Meta(min_length=1)]


def values(text: str) -> Iterator[float | None]:
    """Values of a series.

    >>> list(values("0.3x2 _ 1..2x3"))
    [0.3, 0.3, None, 1.0, 1.5, 2.0]
    """
    for item in text.split():
        match = _ITEM.fullmatch(item)
        if match is None:
            msg = f"expected a value such as `0.3`, `0.3x5`, `0.3..0.1x5` or `_`, got {item!r}"
            raise ValueError(msg)
        first, last, times = match[1], match[2], int(match[3] or 1)
        begin = None if first == "_" else float(first)
        for i in range(times):
            if begin is None or last is None:
                yield begin
            else:
                yield begin + (float(last) - begin) * (i / max(times - 1, 1))


def run_tests(folder: Path, configuration: Configuration, only: str = "") -> tuple[int, list[str]]:
    """Run the tests below a configuration folder; how many there were, and what failed.

    Parameters
    ----------
    folder : Path
    configuration : Configuration
        Of that folder.
    only : str
        Class whose tests are run; those of all classes when it is empty.

    Raises
    ------
    ConfigError
        When that class is none of the folder, or has no tests.
    """
    findings, count = Findings(), 0
    for path in _sheets(folder, configuration, only):
        tree = located(path.as_posix(), path.read_bytes(), findings)
        if tree is None:
            continue
        page = without_placeholders(Page(path.as_posix(), tree, findings))
        sheet = fill(Sheet, page)
        if sheet is None or path.parent.name not in configuration.partitions:
            continue
        plan = plan_of(configuration, path.parent.name)
        for number, test in enumerate(sheet.tests):
            count += 1
            for text in _failures(test, plan):
                page.find(("tests", number), f"{test.name}: {text}")
    return count, findings.lines()


def _sheets(folder: Path, configuration: Configuration, only: str) -> list[Path]:
    """Files of tests, of one class or of all."""
    if not only:
        return sorted(folder.glob(f"*/*{SUFFIX}"))
    classes = {pack.class_name for pack in configuration.packs.values()}
    if only not in classes:
        msg = f"{folder}: expected a class of it, got {only!r}; {nearest(only, classes)}"
        raise ConfigError(msg)
    lifeline, _, quantity = only.partition(".")
    path = folder / lifeline / f"{quantity}{SUFFIX}"
    if not path.is_file():
        msg = f"{path}: expected the tests of {only}, got no file; write one"
        raise ConfigError(msg)
    return [path]


def _failures(test: RuleTest, plan: Plan) -> Iterator[str]:
    unknown = sorted(set(test.series) - plan.catalogue.row_of.keys())
    if unknown:
        yield f"expected channels of the catalogue, got {unknown[0]!r}"
        return
    monday = START.replace(tzinfo=plan.configuration.civil_time).isoformat()
    start_ns = int(read_mixed_times([test.start or monday])[0])
    if start_ns < 0:
        yield f"expected an RFC 3339 time as start, got {test.start!r}"
        return
    try:
        told = sorted(_told(test, _watching(plan, test), start_ns))
    except ValueError as error:
        yield str(error)
        return
    only = next(iter(test.series)) if len(test.series) == 1 else ""
    wanted = sorted((e.at.ns, e.channel or only, e.rule, e.colour) for e in test.expect)
    for item in wanted:
        if item in told:
            told.remove(item)
        else:
            yield f"expected {_shown(item)}, it did not come"
    for item in told:
        yield f"got {_shown(item)}, which was not expected"


def _shown(item: tuple[int, str, str, str]) -> str:
    at_ns, channel, rule, colour = item
    minutes = at_ns / 60e9
    at = f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h"
    return f"{rule} {colour} at {at} on {channel}"


def _watching(plan: Plan, test: RuleTest) -> Plan:
    """The plan with the groups of a test's channels alone: all others would only fall silent."""
    _, group_of = plan.catalogue.codes("group")
    rows = [plan.catalogue.row_of[channel] for channel in test.series]
    keep = np.isin(group_of, group_of[rows])
    watching = plan.configuration.watching(plan.catalogue.take(keep))
    return plan_of(watching, plan.lifeline)


def _told(test: RuleTest, plan: Plan, start_ns: int) -> list[tuple[int, str, str, str]]:
    """Revisions of the test's channels: time after the start, channel, rule, colour."""
    told = []
    lanes = {int(plan.lane_of[plan.catalogue.row_of[channel]]) for channel in test.series}
    for number in sorted(lanes):
        lane = Lane(plan.name(number), plan.parts(number), _no_swap)
        for message in replay(lane, [_records(test, lane, start_ns)], []):
            if message.kind != "alarm":
                continue
            alarm = decode_alarm(message.body)
            if alarm.channel in test.series:
                at_ns = int(read_mixed_times([alarm.detected])[0]) - start_ns
                told.append((at_ns, alarm.channel, alarm.rule.name, alarm.colour))
    return told


def _no_swap(config: str) -> Any:
    msg = f"a rule test runs one configuration, not {config}"
    raise AssertionError(msg)


def _records(test: RuleTest, lane: Lane, start_ns: int) -> Records:
    """The series as JSON messages stamped with event time."""
    rows: list[tuple[int, str, float]] = []
    for channel, text in test.series.items():
        if channel in lane.parts.catalogue.row_of:
            for i, value in enumerate(values(text)):
                if i >= READINGS_MAX:
                    msg = f"expected at most {READINGS_MAX} readings a channel; shorten {channel}"
                    raise ValueError(msg)
                if value is not None:
                    rows.append((start_ns + i * test.every.ns, channel, value))
    return Records.of(
        [
            (offset, time_ns // NS_PER_MS, _message(time_ns, channel, value))
            for offset, (time_ns, channel, value) in enumerate(sorted(rows))
        ]
    )


def _message(time_ns: int, channel: str, value: float) -> bytes:
    reading: Mapping[str, Any] = {
        "channel": channel,
        "time": time_ns // NS_PER_MS,
        "value": value,
    }
    return msgspec.json.encode(reading)
