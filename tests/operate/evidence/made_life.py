"""Made readings as the life of a lane: the typical case of a kind of rule, or a made month."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import yaml

from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.records import Records
from lab.generators.made import Made
from pipeline.lane.lane import Lane
from tests.operate.evidence.lane_life import LaneLife
from tests.testkit.city import DUTY
from tests.testkit.kind_case import Case
from tests.testkit.kinds.group.joint import FLOW, PRESSURE, STEEP, SURGE
from tests.testkit.streams import BEGAN_MS

PIECE: Final = 200  # messages that a lane takes at once
SNAPSHOT: Final = 2 * PIECE  # messages between two snapshots
# Rules that a case's own rule listens to.
BESIDE: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "joint": {PRESSURE: {"fall": STEEP}, FLOW: {"rise": SURGE}}
}
Message = tuple[int, bytes | None]  # stamp in milliseconds, and payload


def lived(configuration: Configuration, sent: Sequence[Message], state: Path) -> LaneLife:
    """A lane from its first message to its last, with a snapshot now and then.

    The configuration has one lifeline with one lane.
    """
    (lifeline,) = configuration.partitions
    plan = plan_of(configuration, lifeline)
    life = LaneLife(Lane(plan.name(0), plan.parts(0), lambda _: plan.parts(0)), state)
    for first in range(0, len(sent), PIECE):
        some = sent[first : first + PIECE]
        rows = [(first + at, stamp_ms, body) for at, (stamp_ms, body) in enumerate(some)]
        life.tick(some[0][0] // 1000)
        life.take(Records.of(rows, first + len(some)))
        if first % SNAPSHOT == 0:
            life.snapshot()
    return life


def configured(case: Case, folder: Path) -> Configuration:
    """A case's rules, classes and channels as packs and a catalogue."""
    lane, kind = case.roster, case.kind.name
    lifeline = lane.classes[0].partition(".")[0]
    rules: dict[str, dict[str, Any]] = {name: {} for name in lane.classes}
    for name, beside in BESIDE.get(kind, {}).items():
        rules[name] |= beside
    for name, rule in case.rules.items():
        rules[name][kind] = rule
    (folder / lifeline).mkdir(parents=True)
    for name, period_ns in zip(lane.classes, lane.period_ns, strict=True):
        pack = _pack(name, period_ns // 1_000_000, rules[name])
        place = folder / lifeline / f"{name.partition('.')[2]}.yaml"
        place.write_text(yaml.safe_dump(pack, sort_keys=False))
    (folder / lifeline / "catalogue.csv").write_text(_catalogue(case))
    settings = f"kafka: {{bootstrap: 'a:1'}}\nlifelines: {{{lifeline}: {{partitions: 1}}}}\n"
    (folder / "tocsin.yaml").write_text(settings)
    return Configuration.load(folder, {})


def _catalogue(case: Case) -> str:
    lane = case.roster
    rows = ["id,class,asset,group,lon,lat"]
    for row, channel in enumerate(channels(case)):
        name, place = lane.classes[lane.class_of[row]], lane.places[row]
        where = ["" if np.isnan(one) else str(one) for one in place.tolist()]
        group = f"{name.partition('.')[0]}.{lane.groups[row]}"
        rows.append(",".join((channel, name, f"asset-{row}", group, *where)))
    return "\n".join(rows) + "\n"


def _pack(name: str, period_ms: int, rules: Mapping[str, Any]) -> dict[str, Any]:
    pack: dict[str, Any] = {
        "class": name,
        "unit": "m",
        "period": f"{period_ms} ms",
        "plausible": {"range": [-1e6, 1e6], "future": "1 d", "back_fill": "1 d"},
    }
    for kind, rule in rules.items():
        words = _said(msgspec.to_builtins(rule, enc_hook=str))
        pack[kind] = {**words, "duty": yaml.safe_load(DUTY)}
    return pack


def _said(words: Any) -> Any:
    """What was said, without what was left out."""
    if isinstance(words, dict):
        return {name: _said(word) for name, word in words.items() if word is not None}
    return words


def channels(case: Case) -> list[str]:
    """An id for each row of a case's lane."""
    lane = case.roster
    return [f"{lane.classes[of]}-{row}" for row, of in enumerate(lane.class_of.tolist())]


def messages(case: Case) -> list[Message]:
    """A case's readings as a gateway sends them, one by one."""
    ids = channels(case)
    sent: list[Message] = []
    for reading in case.readings:
        time_ms = BEGAN_MS + round(1000 * reading.at_s)
        body = {"channel": ids[reading.row], "time": time_ms, "value": reading.value}
        sent.append((time_ms, msgspec.json.encode(body)))
    return sent


def by_the_minute(made: Made) -> list[Message]:
    """Made readings as a gateway sends them, those of a minute together."""
    ids = [cells["id"] for cells in made.catalogue]
    time_ms = (made.time_ns // 1_000_000).tolist()
    rows = zip(made.row.tolist(), time_ms, made.value.tolist(), strict=True)
    said = [{"channel": ids[row], "time": at, "value": value} for row, at, value in rows]
    minutes = made.time_ns // 60_000_000_000
    edges = np.flatnonzero(np.diff(minutes, prepend=-1, append=-1)).tolist()
    return [(time_ms[end - 1], msgspec.json.encode(said[at:end])) for at, end in pairwise(edges)]
