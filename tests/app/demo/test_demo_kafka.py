"""The demo against a real Kafka: what it told is what a replay of its log tells."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from app.demo.broker import real
from app.demo.demo import feeds
from app.demo.lifeline import DemoLifeline
from app.demo.run import DemoRun
from app.demo.screen import Plain
from configuration.configuration import Configuration
from contracts.journal import Entry, decode_entry
from contracts.records import Records
from contracts.topics import TopicNames
from lab.explain.replay import ReplayLanes
from lab.reports.demo_report import Told, summary
from pipeline.lane.replay import replay
from runtime.installation import CONFIGS
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.broker import Cluster

TOCSIN = str(Path(sys.executable).with_name("tocsin"))
SECONDS = 16.0


def names(kafka: Cluster) -> set[str]:
    listed = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics
    return {name for name in listed if name.startswith("tocsin-demo-")}


async def replayed(bootstrap: str, lifeline: DemoLifeline) -> list[bytes]:
    """Bodies of the alarms that newborn lanes tell over the records and journals of a lifeline."""
    topics = TopicNames(lifeline.configuration.settings.app)
    rows: dict[int, list[tuple[int, int, bytes | None]]] = {}
    for item in await read_all(bootstrap, topics.telemetry(lifeline.feed.lifeline)):
        rows.setdefault(item.partition, []).append((item.offset, item.timestamp, item.value))
    journal: dict[int, list[tuple[int, Entry]]] = {}
    for item in await read_all(bootstrap, topics.journal(lifeline.feed.lifeline)):
        journal.setdefault(item.partition, []).append((item.offset, decode_entry(item.value)))
    bench = ReplayLanes(lifeline.configuration, lifeline.feed.lifeline, None)
    return [
        message.body
        for lane, records in sorted(rows.items())
        for message in replay(bench.lane(lane), [Records.of(records)], journal.get(lane, []))
        if message.kind == "alarm"
    ]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_demo_tells_what_a_replay_of_its_telemetry_and_journal_tells(
    kafka: Cluster, tmp_path: Path
) -> None:
    configuration = Configuration.load(CONFIGS)
    played = feeds(configuration)
    show = DemoRun(played, Plain(), SECONDS)
    async with real(configuration, configuration.partitions, kafka.bootstrap, str(tmp_path)) as on:
        await show.run(on)
        again = [
            body
            for lifeline in show.lifelines
            for body in await replayed(kafka.bootstrap, lifeline)
        ]
    assert len(again) > 50
    assert sorted(show.listener.bodies) == sorted(again)
    heard = show.listener
    told = Told(heard.told, show.accounts(), heard.incidents, heard.notices)
    found = summary(played, told, show.elapsed)
    assert [event["name"] for event in found["known_events"] if event["rung_at"] is None] == []
    assert len(found["known_events"]) == 25
    assert (found["accounting"]["received"], found["accounting"]["scored"]) == (52978, 52978)


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4])
async def test_no_topic_outlives_a_demo_that_is_interrupted_while_it_makes_them(
    kafka: Cluster, tmp_path: Path, after_s: float
) -> None:
    configuration = Configuration.load(CONFIGS)

    async def whole() -> None:
        lanes = configuration.partitions
        async with real(configuration, lanes, kafka.bootstrap, str(tmp_path)):
            await asyncio.Event().wait()

    task = asyncio.create_task(whole())
    await asyncio.sleep(after_s)
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled(), ended
    assert names(kafka) == set()
    await asyncio.sleep(0.5)
    assert names(kafka) == set()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_command_leaves_a_real_kafka_as_it_was(kafka: Cluster, tmp_path: Path) -> None:
    words = ["demo", "--bootstrap", kafka.bootstrap, "--seconds", "20", "--report", "report"]
    process = subprocess.Popen(
        [TOCSIN, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    during: set[str] = set()
    with process:
        while process.poll() is None and not during:
            time.sleep(0.2)
            during = names(kafka)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert during
    assert names(kafka) == set()
