"""`tocsin alarms why`: the decision behind an alarm, made anew and held against what was told."""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec

from configuration.configuration import Configuration
from contracts.alarm import Alarm
from contracts.errors import ConfigError, Damaged
from lab.explain.explain import kept_values, lines
from operate.evidence.bundle import Evidence, Rules, write_bundle
from operate.evidence.decision import Decision, LaneDecisions, decided_anew
from operate.evidence.gather import Gatherer, LaneKey, Told
from operate.evidence.readings import Readings
from operate.evidence.replica import Replica
from operate.settings import settled

READINGS_SHOWN: Final = 8


async def why(arguments: argparse.Namespace) -> int:
    """Make the decisions behind an alarm, or an incident's alarms, anew; 1 when one differs."""
    configuration = settled(arguments)
    gatherer = Gatherer(configuration)
    _, told = await gatherer.told(arguments.target)
    if not told.revisions:
        msg = (
            f"expected an alarm or incident on the topics, got {arguments.target!r}; `tocsin "
            "alarms list` has those that are open"
        )
        raise ConfigError(msg)
    found = []
    for lane in sorted(told.revisions):
        decided = await _decided(configuration, gatherer, lane, told)
        found.append(Evidence(lane, decided, _rules(configuration, lane, decided)))
    if arguments.bundle is not None:
        write_bundle(arguments.bundle, configuration, told, found)
    for one in found:
        told_lines = _as_json(one) if arguments.json else _as_text(one)
        sys.stdout.write("".join(f"{line}\n" for line in told_lines))
    if arguments.bundle is not None and not arguments.json:
        sys.stdout.write(f"all of it is in {arguments.bundle}\n")
    outcomes = {decision.outcome for one in found for decision in one.decided.decisions}
    return 1 if outcomes & {"differs", "not told"} else 0


async def _decided(
    configuration: Configuration, gatherer: Gatherer, lane: LaneKey, told: Told
) -> LaneDecisions:
    """The decisions of one lane."""
    past = await gatherer.past(lane, told)
    journal = await gatherer.journal(lane, None if past.mark is None else past.mark.journal)
    alarms = [Decision(one, "equal").alarm for one in past.revisions]
    channels = {alarm.channel for alarm in alarms}
    channels |= {evidence.channel for alarm in alarms for evidence in alarm.evidence}
    readings = Readings(frozenset(channels))
    replica = Replica(configuration, *lane, readings)
    return await decided_anew(replica, readings, past, journal, partial(gatherer.telemetry, lane))


def _rules(configuration: Configuration, lane: LaneKey, decided: LaneDecisions) -> Rules:
    """What governed each alarm's channel, from the bundle that the alarm names."""
    replica = Replica(configuration, *lane, Readings(frozenset()))
    known = (*decided.configs, configuration.hash)
    found: Rules = {}
    for alarm in (decision.alarm for decision in decided.decisions):
        config = next((one for one in known if one.startswith(alarm.rule.config)), None)
        try:
            governing = replica.configuration_of(config or alarm.rule.config)
            found.setdefault(alarm.id, _governing(governing, alarm))
        except (Damaged, ConfigError) as error:
            found[alarm.id] = [f"configuration {alarm.rule.config} cannot be read: {error}"]
    return found


def _governing(configuration: Configuration, alarm: Alarm) -> list[str]:
    """Every value that governs a channel; a rule over a group has none of its own there."""
    catalogue = configuration.catalogue
    row = catalogue.row_of.get(alarm.channel)
    if row is None:
        return [f"{alarm.rule.name} of the group {alarm.group}: {alarm.rule.at}"]
    labels, label_of = configuration.labels(catalogue)
    pack = configuration.packs[labels[int(label_of[row])]]
    return lines(pack, kept_values(pack))


def _as_text(one: Evidence) -> Iterator[str]:
    """A few lines for each alarm."""
    yield f"{one.lane[0]}-{one.lane[1]}: made anew from {one.decided.since}"
    by_alarm: dict[str, list[Decision]] = {}
    for decision in one.decided.decisions:
        by_alarm.setdefault(decision.revision.alarm, []).append(decision)
    for alarm_id, decisions in by_alarm.items():
        alarm = decisions[-1].alarm
        rule = f"{alarm.rule.name} at {alarm.rule.at}, configuration {alarm.rule.config}"
        yield f"{alarm_id} on {alarm.channel}: {rule}"
        yield from (f"  {line}" for line in map(_line, decisions))
        yield from _readings(one, alarm)
        yield from (f"  {line}" for line in one.rules[alarm_id])


def _line(decision: Decision) -> str:
    alarm = decision.alarm
    judged = {
        "equal": "equal to the byte",
        "differs": f"DIFFERS in {', '.join(decision.differs)}",
        "not told": "NOT TOLD the second time",
        "out of reach": "out of reach, the record alone remains",
        "no decision": "told by the worker of its lane, made of no readings",
    }[decision.outcome]
    what = f"{alarm.state} {alarm.colour}, observed {alarm.observed}, band {alarm.band}"
    return f"revision {alarm.revision} of {alarm.detected}: {judged}; {what}: {alarm.say['en']}"


def _readings(one: Evidence, alarm: Alarm) -> Iterator[str]:
    """The last readings that the lane took of the alarm's channel."""
    taken = one.decided.readings.get(alarm.channel, ())
    if taken:
        yield f"  {len(taken)} readings since then, the last of them:"
    for reading in taken[-READINGS_SHOWN:]:
        time, value, quality, disposition, score = reading.cells()
        scored = f", score {score}" if score else ""
        yield f"    {time}  {value} {alarm.unit}  {quality}, {disposition}{scored}"


def _as_json(one: Evidence) -> Iterator[str]:
    """A line for each revision."""
    for decision in one.decided.decisions:
        told = {
            "lane": f"{one.lane[0]}-{one.lane[1]}",
            "since": one.decided.since,
            "outcome": decision.outcome,
            "differs": decision.differs,
            "alarm": msgspec.Raw(decision.revision.body),
        }
        yield msgspec.json.encode(told).decode()
