"""A million channels of a lane go dark: how long until their links and the one incident are told.

All channels of a thousand cells behind one ring report once a minute, and stop. The lane judges
what is left of the stream, one channel that speaks by another way; the desk stage takes what the
lane tells. Both compute in turn on one processor, with the shipped kind of dependency, without a
broker (`benchmarks/storm.py` has one).
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import yaml

from app.process.desk_worker import city_desk
from benchmarks.support.claims import Claim, print_claims, print_table
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.alarm import Alarm, decode_alarm
from contracts.catalogue import LINK, SCHEMA
from contracts.desk.incident import Incident
from contracts.desk.journal import DeskEntry, DeskTick, Took
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.lane_log import Message
from contracts.records import Records
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.lane import Lane, exhaust
from runtime.collector import seldom
from runtime.installation import CONFIGS
from tests.testkit import city

CHANNELS, CELLS = 1_000_000, 1_000
RINGING = 100  # channels that ring when it becomes dark
RING, KIND = "telecom.ring-1", "telecom_silence"
WITNESS = "water.witness.level"
MINUTE_S, AFTER_S, COUNTED_S = 60, 180, 180  # period, wait of the class, until links are counted
BEGAN_S = 1_772_305_920
READINGS_A_MESSAGE = 2_000
WHOLE, LOW = 5.0, 1.8
GOAL_S, GOAL_RECORDS = 60.0, 3 * CELLS


def cell(number: int) -> str:
    """Asset by which every thousandth channel speaks."""
    return f"telecom.cell-{number:03d}"


def channel(row: int) -> str:
    """Id of a channel of the dark."""
    return f"water.tank-{row:06d}.level"


def configuration(folder: Path) -> Configuration:
    """A lane of a million channels behind the cells, and one that has none."""
    city.configure(folder, groups=1, lanes=1, state=folder / "state")
    duty = "  duty:\n" + city.DUTY
    text = city.CLASS.replace("period: 1 s", f"period: {MINUTE_S} s")
    text = text.replace("delay: 100 ms", "delay: 0 s") + duty
    silent = f"silent:\n  after: {AFTER_S} s\n" + duty.replace("{observed} {unit}", "{lasted}")
    (folder / "water" / "level.yaml").write_text(text + silent)
    (folder / "topology").mkdir()
    shipped = yaml.safe_load((CONFIGS / "topology" / "edges.yaml").read_text())
    kept = yaml.safe_dump({"kinds": {KIND: shipped["kinds"][KIND]}}, allow_unicode=True)
    (folder / "topology" / "edges.yaml").write_text(kept)
    nodes = [f"{RING},ring", *(f"{cell(number)},cell" for number in range(CELLS))]
    edges = [f"{RING},{cell(number)},{KIND}" for number in range(CELLS)]
    for name, head, rows in (("nodes", "id,kind", nodes), ("edges", "parent,child,kind", edges)):
        (folder / "topology" / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    small = Configuration.load(folder)
    return small.over({"water": table(small.catalogues["water"].table)})


def table(sample: pa.Table) -> pa.Table:
    """The catalogue's table: channels like the first of another."""
    rows = np.arange(CHANNELS + 1)
    ids = [*(channel(row) for row in range(CHANNELS)), WITNESS]
    assets = [name.removesuffix(".level") for name in ids]
    links = pa.array([*(cell(number) for number in range(CELLS)), ""])
    links_of = pa.array(np.append(np.arange(CHANNELS) % CELLS, CELLS).astype(np.int32))
    given = {
        "id": pa.array(ids),
        "asset": pa.array([name.removeprefix("water.") for name in assets]),
        "group": pa.DictionaryArray.from_arrays(pa.array(rows.astype(np.int32)), assets),
    }
    alike = sample.take(np.zeros(len(rows), np.int64))
    columns = [given.get(field.name, alike.column(field.name)) for field in SCHEMA]
    link = pa.DictionaryArray.from_arrays(links_of, links)
    return pa.table([*columns, link], schema=SCHEMA.append(LINK))


def message(rows: range, at_s: int) -> bytes:
    """Readings of some channels at one second; those that are to ring are low."""
    head = f'"time":{1_000 * at_s},"value":'
    some = (f'{{"channel":"{channel(r)}",{head}{LOW if r < RINGING else WHOLE}}}' for r in rows)
    return f"[{','.join(some)}]".encode()


def evening() -> Iterator[tuple[int, bytes]]:
    """The last minute of all channels, each in its second."""
    a_second = -(-CHANNELS // MINUTE_S)
    for second in range(MINUTE_S):
        behind = min((second + 1) * a_second, CHANNELS)
        for first in range(second * a_second, behind, READINGS_A_MESSAGE):
            rows = range(first, min(first + READINGS_A_MESSAGE, behind))
            yield BEGAN_S + second, message(rows, BEGAN_S + second)


class Site:
    """The lane and, behind it, the desk stage.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        whole = configuration(folder)
        plan: Plan = plan_of(whole, "water")
        parts = city_desk(folder, whole)
        self.lane = Lane(plan.name(0), plan.parts(0), lambda _: plan.parts(0))
        desk = parts.desk_of(parts.bundle)
        self.desk = DeskLane(TopicNames(), lambda _: parts.desk_of(parts.bundle), desk)
        self.alarms: list[Alarm] = []
        self.incidents: list[Incident] = []
        self._offset = self._taken = 0

    def feed(self, rows: list[tuple[int, bytes]]) -> None:
        """Let the lane take messages by their seconds, and the desk what comes of them."""
        records: list[tuple[int, int, bytes | None]] = [
            (self._offset + n, 1_000 * at_s, body) for n, (at_s, body) in enumerate(rows)
        ]
        self._offset += len(records)
        self.lane.feed(Records.of(records))
        self._tell([m for m in self.lane.outbox.take() if m.kind == "alarm"], rows[-1][0])

    def _tell(self, told: list[Message], at_s: int) -> None:
        first, self._taken = self._taken, self._taken + len(told)
        records = [AlarmRecord("water-0", first + n, 0, m.body) for n, m in enumerate(told)]
        took = Took({"water-0": (first, self._taken)})
        exhaust(self.desk.applying(DeskEntry(took), records))
        exhaust(self.desk.applying(DeskEntry(DeskTick(at_s))))
        self.alarms += [decode_alarm(m.body) for m in told]
        incidents = [m for m in self.desk.outbox.take() if m.kind == "incident" and m.body]
        self.incidents += [msgspec.json.decode(m.body, type=Incident) for m in incidents]


@contextmanager
def timed(took: dict[str, float], name: str) -> Iterator[None]:
    """Note how long something computes, in s of this process."""
    began = time.process_time()
    yield
    took[name] = time.process_time() - began


def measure(folder: Path) -> tuple[Site, dict[str, Any]]:
    """Let it become dark; what was told when, in s since the first wait ended."""
    took: dict[str, float] = {}
    with timed(took, "begun"):
        site = Site(folder)
    with timed(took, "evening"):
        site.feed(list(evening()))
    rung = len(site.alarms)
    slowest_s = told_s = lane_s = computed_s = 0.0
    with timed(took, "dark"):
        for second in range(MINUTE_S, MINUTE_S + AFTER_S + COUNTED_S + MINUTE_S):
            began, before = time.process_time(), len(site.alarms)
            at_s = BEGAN_S + second
            body = f'[{{"channel":"{WITNESS}","time":{1_000 * at_s},"value":{WHOLE}}}]'
            site.feed([(at_s, body.encode())])
            slowest_s = max(slowest_s, time.process_time() - began)
            told_s = told_s + time.process_time() - began
            if any(alarm.revision == 1 for alarm in site.alarms[before:]):
                lane_s, computed_s = float(second - AFTER_S), told_s
    found = {"rung": rung, "lane_s": lane_s, "computed_s": computed_s, "slowest_s": slowest_s}
    return site, found | took


def check(site: Site, rung: int) -> Incident:
    """All cells are dark in one incident of their ring, and nothing else was touched."""
    dark = {alarm.channel for alarm in site.alarms if alarm.rule.name == "observability"}
    assert dark == {cell(number) for number in range(CELLS)}
    others = Counter(a.rule.name for a in site.alarms if a.channel not in dark)
    assert rung == RINGING
    assert others == {"limit": RINGING}, "a channel rang, or its alarm was touched, in the dark"
    merged = {incident.id for incident in site.incidents if incident.reason == "merged"}
    (name,) = {incident.id for incident in site.incidents} - merged
    last = [incident for incident in site.incidents if incident.id == name][-1]
    root = last.situation.root
    assert root is not None
    assert f"{root.lifeline}.{root.asset}" == RING
    assert last.situation.counts["all"] == CELLS, last.situation.counts
    return last


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="tocsin-dark-") as folder, seldom():
        site, found = measure(Path(folder) / "configs")
    incident = check(site, found["rung"])
    records = len(site.alarms) + len(site.incidents)
    head = ["begun s", "evening s", "dark s", "slowest second s", "records", "incident"]
    figures = [f"{found[name]:.1f}" for name in ("begun", "evening", "dark", "slowest_s")]
    print_table(head, [[*figures, str(records), incident.situation.title["en"]]])
    what = f"{CHANNELS:,} channels of one lane go dark"
    all_s = found["lane_s"] + found["computed_s"]
    print_claims(
        [
            Claim(f"{what}: told, by lane time and computing", all_s, GOAL_S, "s", "at most"),
            Claim(f"{what}: alarms, incidents told", float(records), GOAL_RECORDS, "", "at most"),
        ]
    )


if __name__ == "__main__":
    main()
