"""Notices from topics to receivers: each for itself and once, whoever is away or begins anew."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from app.process.notifier import Notifier, NotifierPorts, kafka_ports
from broker.topics import TopicPlan, ensure, notice_topics
from configuration.settings import Lifeline, Settings
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.desk.receipt import Receipt
from contracts.desk.receiver import AlertmanagerTarget, CapTarget, Receiver, WebhookTarget
from contracts.errors import ConfigError, Fenced, RetryableError
from contracts.kafka import Kafka, Secret
from contracts.ports.projection import Positions, TopicRecord
from contracts.quantities import Duration
from contracts.topics import TopicNames
from sinks.http.metrics import registry
from sinks.http.notice_metrics import NoticeCollector
from tests.testkit.desk.notices import (
    SHELVED,
    Hook,
    MemoryReceipts,
    WoundTimer,
    hook,
    notice,
    until,
)
from tests.testkit.desk.notifier import SECRET, say
from tests.testkit.kafka.broker import Cluster
from tests.testkit.prometheus.alertmanager import alertmanager, alertmanager_program

TOPICS = TopicNames()


class Topic:
    """Records in memory, read by any number of receivers."""

    def __init__(self) -> None:
        self.records: list[TopicRecord] = []
        self.failing: list[Exception] = []
        self.grew = asyncio.Event()

    def add(self, kind: str, one: Notice | Incident | bytes) -> None:
        name = TOPICS.incidents if kind == "incident" else TOPICS.notices
        offset = sum(record.topic == name for record in self.records)
        body = one if isinstance(one, bytes) else msgspec.json.encode(one)
        self.records.append(TopicRecord(name, 0, offset, 0, None, body, kind))
        self.grew.set()

    def reader(self, receiver: str) -> "TopicView":
        del receiver
        return TopicView(self)


async def there() -> None:
    """All topics are."""


class TopicView:
    """One receiver's place in it."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._from: Positions = {}
        self._at = 0

    async def start(self) -> None:
        if self._topic.failing:
            raise self._topic.failing.pop()

    async def close(self) -> None:
        """Nothing is held."""

    async def seek(self, positions: Positions) -> None:
        self._from = positions

    def caught_up(self) -> bool:
        return True

    async def fetch(self, timeout_s: float) -> tuple[list[TopicRecord], Positions]:
        del timeout_s
        while self._at == len(self._topic.records):
            self._topic.grew.clear()
            await self._topic.grew.wait()
        new, self._at = self._topic.records[self._at :], len(self._topic.records)
        return [one for one in new if one.offset >= self._from.get((one.topic, 0), 0)], {}


def webhook(name: str, server: Hook, key: Path) -> Receiver:
    key.write_text(SECRET)
    target = WebhookTarget(url=server.url, secrets=[Secret(f"${{file:{key}}}")])
    return Receiver(id=name, webhook=target)


@asynccontextmanager
async def serving(notifier: Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(notifier.serve())
    try:
        yield
    finally:
        task.cancel()
        ended = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert notifier.drained


async def test_who_is_away_holds_nobody_up(tmp_path: Path) -> None:
    topic, receipts, timer = Topic(), MemoryReceipts(), WoundTimer()
    ports = NotifierPorts(lambda: receipts, topic.reader, timer, there)
    async with hook([503] * 100) as away, hook() as near:
        key = tmp_path / "key"
        receivers = [webhook("away", away, key), webhook("near", near, key)]
        notifier = Notifier(receivers, TOPICS, ports, {})
        async with serving(notifier):
            topic.add("mark", b"{}")
            topic.add("notice", b"no notice")
            topic.add("notice", notice("some-time", at="soon"))
            topic.add("notice", notice("somewhere", at="2026-03-01T08:00:00"))
            for number in range(50):
                held = SHELVED if number % 2 else None
                topic.add("notice", notice(number, incident=f"i-{number}", withheld=held))
            await receipts.until(25)
            assert near.ids == [f"n-{number}" for number in range(0, 50, 2)]
            assert set(away.ids) == {"n-0"}
            page = page_of(notifier)
            assert 'tocsin_notices_delivered_total{receiver="near"} 25.0' in page
            assert 'tocsin_notices_waiting{receiver="near"} 0.0' in page
            assert 'tocsin_notices_waiting{receiver="away"} 25.0' in page
            assert 'tocsin_notices_oldest_waiting_seconds{receiver="near"} 0.0' in page
            assert notifier.ready(), "a start would not help"
            away.script.clear()
            await timer.wind()
            await receipts.until(50)
        assert list(dict.fromkeys(away.ids)) == near.ids


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.process.notifier.RETRY_FIRST_S", 0.0)


@pytest.mark.usefixtures("_hasty")
async def test_brokers_that_are_away_are_waited_for_and_counts_go_on(tmp_path: Path) -> None:
    class Failing(MemoryReceipts):
        def __init__(self) -> None:
            super().__init__()
            self.failing = 1

        async def append(self, receipt: Receipt) -> None:
            if receipt.notice == "n-1" and self.failing:
                self.failing -= 1
                raise RetryableError("the brokers are away", 0.0)
            await super().append(receipt)

    topic, receipts = Topic(), Failing()
    topic.failing.append(RetryableError("the brokers are away", 0.0))
    async with hook() as server:
        ports = NotifierPorts(lambda: receipts, topic.reader, WoundTimer(), there)
        notifier = Notifier([webhook("desk", server, tmp_path / "key")], TOPICS, ports, {})
        assert not notifier.ready()
        async with serving(notifier):
            for number in range(3):
                topic.add("notice", notice(number, incident=f"i-{number}"))
            await receipts.until(3)
            await until(notifier.ready)
            page = page_of(notifier)
            assert 'tocsin_notices_delivered_total{receiver="desk"} 3.0' in page
        assert server.ids == ["n-0", "n-1", "n-1", "n-2"], "no receipt, so once more by its key"


@pytest.mark.usefixtures("_hasty")
async def test_who_wants_no_more_is_left_alone_when_brokers_come_back(tmp_path: Path) -> None:
    class Failing(MemoryReceipts):
        async def append(self, receipt: Receipt) -> None:
            if len(self.kept) == 1 and not self.failed:
                self.failed = True
                raise RetryableError("the brokers are away", 0.0)
            await super().append(receipt)

        failed = False

    topic, receipts = Topic(), Failing()
    async with hook([410]) as gone, hook() as near:
        key = tmp_path / "key"
        receivers = [webhook("gone", gone, key), webhook("near", near, key)]
        ports = NotifierPorts(lambda: receipts, topic.reader, WoundTimer(), there)
        notifier = Notifier(receivers, TOPICS, ports, {})
        async with serving(notifier):
            topic.add("notice", notice(0))
            await receipts.until(1)
            await until(lambda: 'disabled{receiver="gone"} 1.0' in page_of(notifier))
            for number in range(1, 4):
                topic.add("notice", notice(number, incident=f"i-{number}"))
            await receipts.until(4)
        assert receipts.failed
        assert gone.ids == ["n-0"]


def page_of(notifier: Notifier) -> str:
    """What Prometheus reads."""
    return generate_latest(registry(notifier, "", NoticeCollector)).decode()


async def test_another_process_that_began_ends_this_one(tmp_path: Path) -> None:
    class Taken(MemoryReceipts):
        async def append(self, receipt: Receipt) -> None:
            msg = "another process has begun to"
            raise Fenced(msg)

    topic = Topic()
    topic.add("notice", notice(0))
    async with hook() as server:
        ports = NotifierPorts(Taken, topic.reader, WoundTimer(), there)
        notifier = Notifier([webhook("desk", server, tmp_path / "key")], TOPICS, ports, {})
        with pytest.raises(Fenced, match="another process"):
            await notifier.serve()


async def test_a_topic_that_is_missing_is_named(tmp_path: Path) -> None:
    async def missing() -> None:
        msg = "expected the topics of the configuration, tocsin.receipts missing"
        raise ConfigError(msg)

    async with hook() as server:
        ports = NotifierPorts(MemoryReceipts, Topic().reader, WoundTimer(), missing)
        notifier = Notifier([webhook("desk", server, tmp_path / "key")], TOPICS, ports, {})
        with pytest.raises(ConfigError, match=r"tocsin\.receipts missing"):
            await notifier.serve()


def settings(kafka: Cluster, app: str) -> Settings:
    return Settings(
        app=app, kafka=Kafka(bootstrap=kafka.bootstrap), lifelines={"water": Lifeline(partitions=1)}
    )


class Town:
    """A real Kafka, a real Alertmanager, a webhook and a folder; a notifier that comes and goes."""

    def __init__(self, kafka: Cluster, receivers: Sequence[Receiver]) -> None:
        self.names = TopicNames("told")
        self._kafka = kafka
        self._receivers = receivers

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """While a process tells."""
        ports = kafka_ports(settings(self._kafka, self.names.prefix))
        notifier = Notifier(self._receivers, self.names, ports, {})
        async with serving(notifier):
            await until(notifier.ready)
            yield

    async def say(self, *notices: Notice) -> None:
        await say(self._kafka, self.names.prefix, notices)


@pytest.mark.slow
async def test_real_brokers_and_a_real_alertmanager_through_restarts(
    kafka: Cluster, tmp_path: Path
) -> None:
    alertmanager_program()
    async with hook() as server, alertmanager(tmp_path) as alerts:
        resent = AlertmanagerTarget(url=alerts.url, resend=Duration("1 s"))
        receivers = [
            webhook("hook", server, tmp_path / "key"),
            Receiver(id="alerts", alertmanager=resent),
            Receiver(id="cap", cap=CapTarget(sender="t", folder=str(tmp_path / "cap"))),
        ]
        town = Town(kafka, receivers)
        await ensure(notice_topics(town.names, TopicPlan(replication=1)), kafka.bootstrap)
        await town.say(notice("long-ago"))  # before anybody listened
        async with town.told():
            await town.say(notice(0), notice("never", withheld=SHELVED), notice(1, desk="east"))
            await server.until(2)
            found = await alerts.until(2)
        assert {one["labels"]["desk"] for one in found} == {"city", "east"}
        assert {one["labels"]["alertname"] for one in found} == {"TocsinIncident"}
        assert found[0]["annotations"]["summary"] == "Red: burst main, Old Town."
        await town.say(notice(2, reason="colour", colour="orange"))
        async with town.told():
            await server.until(3)
            # Whoever is slower than the hook would see this superseded by the end of its incident.
            await until((tmp_path / "cap" / "n-2.xml").exists)
            await town.say(notice(3, reason="over"))
            await server.until(4)
            (left,) = await alerts.until(1)
            await town.say(notice(4, desk="east", reason="over"))
            await server.until(5)
            await alerts.until(0)
            await until(lambda: len(list((tmp_path / "cap").iterdir())) == 5)
        assert left["labels"]["desk"] == "east", "still told by a process that has begun anew"
        assert server.ids == ["n-0", "n-1", "n-2", "n-3", "n-4"]
        assert json.loads(server.requests[-1][1])["late"] is True
        assert sorted(path.stem for path in (tmp_path / "cap").iterdir()) == server.ids
