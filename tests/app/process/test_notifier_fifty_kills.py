"""`tocsin notify` killed fifty times, a receiver away for an hour: each notice by one key."""

import asyncio
import json
import random
import shutil
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
import pytest
from lxml import etree

from contracts.desk.notice import Notice, Withheld
from contracts.desk.receipt import Receipt
from contracts.topics import TopicNames
from tests.testkit.desk.notices import Hook, hook, notice
from tests.testkit.desk.notifier import installed, say, started
from tests.testkit.faults.machine import give_clock, shift
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.broker import Cluster
from tests.testkit.prometheus.alertmanager import alertmanager
from tests.testkit.worker_process import TOCSIN, WorkerProcess
from tests.tidy import ROOT

KILLS = 50
AWAY = range(15, 35)  # between these the webhook refuses, and an hour of the process's clock passes
HOUR_S = 3_600
PATIENCE_S = 300.0  # for what a slow machine may take
WITHHELD = get_args(Withheld.__annotations__["by"])
SCHEMA = ROOT / "tests" / "sinks" / "notices" / "cap" / "CAP-v1.2.xsd"
RECEIVERS = """\
receivers:
  - id: hook
    webhook: {{url: "{hook}", secrets: ["${{file:{key}}}"]}}
  - id: alerts
    alertmanager: {{url: "{alerts}", resend: 12 h}}
  - id: cap
    cap: {{sender: tocsin@city.example, folder: {cap}}}
"""


class Told(NamedTuple):
    """What was said on the topic, requests to the webhook, and what became of each notice."""

    said: list[Notice]
    requests: list[tuple[dict[str, str], bytes]]
    refused: range  # of requests
    outcomes: dict[str, dict[str, list[str]]]  # by receiver and notice

    @property
    def kept(self) -> list[Notice]:
        """Those that were to be told, in order."""
        return [one for one in self.said if one.withheld is None]

    @property
    def ends(self) -> list[Notice]:
        """Those of them that say that an incident is over."""
        return [one for one in self.kept if one.reason == "over"]

    @property
    def confirmed(self) -> list[str]:
        """Keys of requests that the webhook confirmed."""
        places = enumerate(self.requests)
        return [said["webhook-id"] for at, (said, _) in places if at not in self.refused]

    def delivered(self, receiver: str) -> set[str]:
        """Those that it confirmed, as receipts say."""
        return {name for name, found in self.outcomes[receiver].items() if found == ["delivered"]}

    def __str__(self) -> str:
        count = len(self.confirmed)
        rates = {name: len(self.delivered(name)) for name in self.outcomes}
        return (
            f"{KILLS} kills, {len(self.said)} notices, {len(self.kept)} to be told; {rates} "
            f"delivered, others superseded; {len(self.refused)} requests refused, "
            f"{count - len(set(self.confirmed))} of {count} confirmed ones were repeats"
        )


def of(incident: str, reason: str, now_s: float, held: Withheld | None = None) -> Notice:
    """A notice of one of our incidents."""
    return notice(
        f"{incident}-{reason}",
        incident=f"i-{incident}",
        reason=reason,
        colour="red" if reason == "colour" else "orange",
        at=datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds"),
        withheld=held,
    )


def happenings(kill: int, now_s: float) -> list[Notice]:
    """Two new incidents, one that turns red, now and then one that is over, and one withheld."""
    held = Withheld(WITHHELD[kill % len(WITHHELD)], "", f"reason of {kill}")
    found = [of(f"{kill}a", "new", now_s), of(f"{kill}b", "new", now_s)]
    found.append(of(f"{kill}c", "new", now_s, held))
    if kill >= 2:
        found.append(of(f"{kill - 2}b", "colour", now_s))
    if kill >= 5 and kill % 2:
        found.append(of(f"{kill - 5}a", "over", now_s))
    return found


async def came(server: Hook, count: int) -> None:
    """Wait for so many requests."""
    async with asyncio.timeout(PATIENCE_S):
        while len(server.requests) < count:  # noqa: ASYNC110 - patient, unlike `Hook.until`
            await asyncio.sleep(0.01)


async def lives(
    process: WorkerProcess, server: Hook, kafka: Cluster, app: str
) -> tuple[list[Notice], range]:
    """Start it, say something, kill it, and so on: what was said, and requests that were refused.

    Every second time it dies some moment after a request, else some moment after its start.
    """
    chance, said, refused, slow_s = random.Random(21), list[Notice](), [0, 0], HOUR_S
    for kill in range(KILLS):
        if kill == AWAY.start:
            server.script, refused[0] = [503] * 1_000_000, len(server.requests)
        if kill == AWAY.stop:
            server.script, refused[1] = [], len(server.requests)
        if kill in AWAY:
            slow_s -= HOUR_S // len(AWAY)
            shift(process.log.parent, -slow_s)
        sent = len(server.requests)
        process.start()
        new = happenings(kill, time.time() - slow_s)
        await say(kafka, app, new)
        said += new
        if kill % 2:
            await came(server, sent + 1)
        moment_s = chance.choice([0.0, chance.uniform(0.0, 0.1), chance.uniform(0.0, 2.0)])
        await asyncio.sleep(moment_s)
        process.kill()
    return said, range(*refused)


async def receipts(kafka: Cluster, app: str) -> dict[str, dict[str, list[str]]]:
    """Outcomes by receiver and notice."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in await read_all(kafka.bootstrap, TopicNames(app).receipts):
        if dict(record.headers).get("tocsin") == b"receipt":
            receipt = msgspec.json.decode(record.value or b"", type=Receipt)
            if receipt.notice:
                found[receipt.receiver][receipt.notice].append(receipt.outcome)
    return found


async def settled(kafka: Cluster, app: str, said: list[Notice]) -> dict[str, dict[str, list[str]]]:
    """Receipts, as soon as each receiver has one for each notice that was to be told."""
    kept = {one.id for one in said if one.withheld is None}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await receipts(kafka, app)
            if all(kept <= found[receiver].keys() for receiver in ("hook", "alerts", "cap")):
                return found
            await asyncio.sleep(0.5)


async def tocsin(*words: str) -> str:
    """What a command prints."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(TOCSIN, *words, stdout=pipe, stderr=pipe)
    said, complaint = await child.communicate()
    assert child.returncode == 0, complaint.decode()
    return said.decode()


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_fifty_kills_and_an_hour_of_outage_lose_nothing(
    tmp_path: Path, kafka: Cluster
) -> None:
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: nothing moves the clock of a process")
    app = kafka.unique("kills")
    where = ["--configs", str(tmp_path / "configs")]
    reached = [*where, "--bootstrap", kafka.bootstrap]
    async with hook() as server, alertmanager(tmp_path) as alerts:
        urls = {"hook": server.url, "alerts": alerts.url}
        receivers = RECEIVERS.format(**urls, key=tmp_path / "key", cap=tmp_path / "cap")
        process = installed(tmp_path, kafka, app, receivers)
        await tocsin("topics", "--create", "--replication", "1", *reached)
        told = await told_through_kills(process, server, kafka, app)
        once_by_key(told)
        confirmed(told)
        messages(told, tmp_path / "cap")
        still = {one.incident for one in told.kept} - {one.incident for one in told.ends}
        shown = await alerts.until(len(still))
        assert {one["labels"]["incident"] for one in shown} == still
    await tocsin("history", "rebuild", *reached)
    lines = (await tocsin("history", "withheld", "--json", *where)).splitlines()
    answers = [json.loads(line) for line in lines]
    assert sorted(
        (one["id"], one["withheld_by"], one["withheld_detail"]) for one in answers
    ) == sorted((n.id, n.withheld.by, n.withheld.detail) for n in told.said if n.withheld)
    assert {one["withheld_by"] for one in answers} == set(WITHHELD)
    sys.stdout.write(f"{told}\n")


async def told_through_kills(
    process: WorkerProcess, server: Hook, kafka: Cluster, app: str
) -> Told:
    """All of it, and behind it a process that lives: it tells the rest, and some ends."""
    give_clock(process.log.parent, process)
    shift(process.log.parent, -HOUR_S)
    try:
        await started(process)  # receivers hear of what comes from now on
        assert await process.finish(PATIENCE_S) == 0
        said, refused = await lives(process, server, kafka, app)
        process.start()
        await settled(kafka, app, said)
        ends = [of(f"{kill}b", "over", time.time()) for kill in range(KILLS)]
        await say(kafka, app, ends)
        outcomes = await settled(kafka, app, said + ends)
        assert await process.finish(PATIENCE_S) == 0
    finally:
        process.bury()
    return Told(said + ends, server.requests, refused, outcomes)


def once_by_key(told: Told) -> None:
    """Each notice that was kept has one receipt at each receiver, none of the others has any."""
    kept = {one.id: one for one in told.kept}
    ended = {one.incident for one in told.ends}
    for receiver, outcomes in told.outcomes.items():
        assert outcomes.keys() == kept.keys()
        assert {len(found) for found in outcomes.values()} == {1}
        delivered = told.delivered(receiver)
        assert {one.id for one in told.ends} <= delivered, "an end is always told"
        for name in kept.keys() - delivered:
            assert outcomes[name] == ["superseded"]
            assert kept[name].incident in ended


def confirmed(told: Told) -> None:
    """The webhook confirmed all that it has receipts for, in order; a repeat is of a kill."""
    keys, order = told.confirmed, [one.id for one in told.kept]
    delivered = told.delivered("hook")
    assert delivered <= set(keys) <= set(order)
    first = list(dict.fromkeys(keys))
    assert first == sorted(first, key=order.index)
    repeats = sum(name == before for before, name in pairwise(keys))
    assert len(keys) - len(first) == repeats, "a repeat comes at once, before anything newer"
    assert repeats + len(set(keys) - delivered) <= KILLS, "a kill costs one receipt at most"
    assert len(told.refused) >= len(AWAY) // 2, "it was asked while it was away"
    late_s = [json.loads(body).get("late_s", 0) for _, body in told.requests]
    assert max(late_s) > HOUR_S * 3 // 4, "what is late says so"


def messages(told: Told, folder: Path) -> None:
    """A file for each notice that was delivered; valid, and referring to those that are there."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    files = {path.stem: etree.parse(path).getroot() for path in folder.glob("*.xml")}
    assert files.keys() == told.delivered("cap"), "what may have arrived is not superseded"
    begun = {one.incident for one in told.kept if one.id in files and one not in told.ends}
    for end in told.ends:
        kind = "Cancel" if end.incident in begun else "Alert"
        assert files[end.id].findtext("{*}msgType") == kind, end.id
    kinds: Counter[str] = Counter()
    for name, root in files.items():
        schema.assertValid(root)
        kinds[root.findtext("{*}msgType") or ""] += 1
        for reference in (root.findtext("{*}references") or "").split():
            assert reference.split(",")[1] in files.keys() - {name}
    assert kinds.keys() == {"Alert", "Update", "Cancel"}
