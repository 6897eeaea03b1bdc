"""`tocsin demo`: eight weeks of a real water feed in seconds, on a broker inside this process."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.compressed import CompressedClock, Sent, send, water_flow
from app.configuration import Configuration, home_lane
from app.embedded import PARTITIONS, EmbeddedBroker
from app.service import Service, Way
from contracts.alarm import Alarm, decode_alarm
from contracts.topics import TopicNames
from sinks.health import HealthServer

LIFELINE: Final = "water"
DATA: Final = Path(__file__).resolve().parent.parent / "data" / "water_flow" / "water-flow.csv"
CHANNEL, GROUP = "water.feed-01.flow", "water.feed-01"
SECONDS: Final = 20.0
DRAIN_S: Final = 15.0
SHOWN: Final = {"blue": "34", "yellow": "33", "orange": "38;5;208", "red": "31", "clear": "32"}
CITY: Final = timezone(timedelta(hours=8))
SILENT_MS: Final = 3 * 3_600_000


@dataclass(frozen=True, slots=True)
class Known:
    """Something that is known to be in the data, and which rules should ring for it."""

    name: str
    begin: datetime
    end: datetime
    rules: tuple[str, ...]

    def explains(self, alarm: Alarm) -> bool:
        """Whether the alarm rang for this event."""
        rang = datetime.fromisoformat(alarm.detected)
        return alarm.rule.name in self.rules and self.begin <= rang <= self.end


def _low(name: str, begin: str, end: str) -> Known:
    first, last = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    return Known(name, first, last, ("limit", "unusual"))


# Read off the values, see data/water_flow/README.md: first and last low hour of each moment.
LOW_MOMENTS: Final = (
    _low("low feed on 24 March", "2022-03-24T08:00:00+01:00", "2022-03-25T01:00:00+01:00"),
    _low("low feed on 29 March", "2022-03-29T08:00:00+02:00", "2022-03-29T20:00:00+02:00"),
    _low("low feed on 27 April", "2022-04-27T15:00:00+02:00", "2022-04-28T06:00:00+02:00"),
)


@dataclass
class Ear:
    """Hears the alarms topic, prints sentences, keeps revisions."""

    revisions: list[Alarm] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def listen(self, bootstrap: str, topic: str) -> None:
        """Read committed revisions, for ever."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            check_crcs=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, p) for p in range(PARTITIONS)])
            while True:
                found = await consumer.getmany(timeout_ms=100)
                for records in found.values():
                    for record in records:
                        self._hear(record)
        finally:
            await consumer.stop()

    def _hear(self, record: Any) -> None:
        if dict(record.headers).get("tocsin") != b"revision":
            return
        alarm = decode_alarm(record.value)
        self.revisions.append(alarm)
        self.bodies.append(record.value)
        sys.stdout.write(_line(alarm) + "\n")
        sys.stdout.flush()


def _line(alarm: Alarm) -> str:
    word = f"{alarm.colour:6}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        word = f"\033[{SHOWN[alarm.colour]}m{word}\033[0m"
    return f"{alarm.detected}  {word}  {alarm.say['en']}"


def _settled(configuration: Configuration, bootstrap: str, state: str) -> Configuration:
    """The configuration on the embedded broker."""
    settings = configuration.settings
    kafka = msgspec.structs.replace(settings.kafka, bootstrap=bootstrap)
    settings = msgspec.structs.replace(settings, kafka=kafka, state=state)
    return replace(configuration, settings=settings)


def _only_fed(configuration: Configuration) -> Configuration:
    """The configuration without the channels that the demo has no readings for."""
    catalogue = configuration.catalogue
    fed = catalogue.table.column("id").to_numpy() == CHANNEL
    return replace(configuration, catalogue=catalogue.take(fed))


async def run_demo(arguments: argparse.Namespace) -> int:
    """Replay, ring, report; exit code 0 when every known event rang."""
    seconds = arguments.seconds
    if seconds is None:
        seconds = float(os.environ.get("DEMO_SECONDS", SECONDS))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    configuration = _only_fed(Configuration.load(arguments.configs))
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory(prefix="tocsin-demo-") as state:
        demo = Demo(_settled(configuration, broker.bootstrap, state), stopping)
        for topic in demo.topics():
            broker.create(topic)
        summary = await demo.run(seconds)
    summary["interrupted"] = stopping.is_set()
    _report(arguments.report, demo.ear, summary)
    missed = [event["name"] for event in summary["known_events"] if event["rung_at"] is None]
    return 1 if missed and not stopping.is_set() else 0


class Demo:
    """One run of the demo.

    Parameters
    ----------
    configuration : Configuration
    stopping : asyncio.Event
        Set when the user has had enough.
    """

    def __init__(self, configuration: Configuration, stopping: asyncio.Event) -> None:
        self._configuration = configuration
        self._stopping = stopping
        self._names = TopicNames(configuration.settings.app)
        self.ear = Ear()

    def topics(self) -> list[str]:
        """Topics that must be there."""
        names = self._names
        of = (names.telemetry, names.commands, names.journal, names.manifests, names.alarms)
        return [*(name(LIFELINE) for name in of), names.dead_letters]

    async def run(self, seconds: float) -> dict[str, Any]:
        """Send, ring and wait for the last alarm; the summary comes back."""
        partitions = self._configuration.partitions[LIFELINE]
        lane = home_lane(GROUP, partitions)
        readings = water_flow(DATA, CHANNEL, GROUP, lane)
        span_ms = readings[-1].time_ms - readings[0].time_ms
        clock = CompressedClock(readings[0].time_ms, span_ms / 1000 / (seconds or SECONDS))
        way = Way(LIFELINE, lanes=tuple(range(partitions)), check_crcs=False, clock=clock)
        http = self._configuration.settings.http
        async with Service(self._configuration, way) as service:
            health = await _serve(service, http.host)
            said = f"metrics on http://{http.host}:{health.port}/metrics"
            sys.stdout.write(f"{len(readings)} hourly readings of {CHANNEL}, {said}\n")
            bootstrap = self._configuration.settings.kafka.bootstrap
            ear = asyncio.create_task(
                self.ear.listen(bootstrap, self._names.alarms(LIFELINE)), name="ear"
            )
            began = time.monotonic()
            try:
                await self._play(readings, clock, service, lane)
                elapsed = time.monotonic() - began
                if not seconds:
                    await self._stopping.wait()
            finally:
                ear.cancel()
                await asyncio.gather(ear, return_exceptions=True)
                await health.stop()
            accounts = [vitals.accounts for vitals in service.worker.lanes()]
        return _summary(self.ear.revisions, accounts, readings, elapsed)

    async def _play(
        self, readings: list[Sent], clock: CompressedClock, service: Service, lane: int
    ) -> None:
        """Send everything and wait until the lane has taken it and told what follows."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._configuration.settings.kafka.bootstrap, linger_ms=5
        )
        await producer.start()
        try:
            clock.start()
            sending = asyncio.create_task(
                send(producer, self._names.telemetry(LIFELINE), readings, clock)
            )
            stop = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({sending, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            sending.cancel()
            await asyncio.gather(sending, stop, return_exceptions=True)
        finally:
            await producer.stop()
        if not self._stopping.is_set():
            await self._settle(service, lane, len(readings))

    async def _settle(self, service: Service, lane: int, readings: int) -> None:
        async with asyncio.timeout(DRAIN_S):
            while True:
                vitals = service.worker.lanes()[lane]
                if vitals.accounts.get("received", 0) >= readings:
                    break
                await asyncio.sleep(0.05)
            while len(self.ear.revisions) < vitals.revisions:  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(0.05)


async def _serve(service: Service, host: str) -> HealthServer:
    health = HealthServer(service, host, 0, version("tocsin"))
    await health.start()
    return health


def gaps(readings: list[Sent]) -> list[Known]:
    """Hours that the feed did not report, as the data itself has them."""
    found = []
    for before, after in pairwise(readings):
        if after.time_ms - before.time_ms > SILENT_MS:
            begin, end = (_city_time(reading.time_ms) for reading in (before, after))
            found.append(Known(f"no reading from {begin:%d %B %H:%M}", begin, end, ("silent",)))
    return found


def _city_time(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, CITY)


def _summary(
    revisions: list[Alarm], accounts: list[dict[str, int]], readings: list[Sent], seconds: float
) -> dict[str, Any]:
    """Known events against alarms, and the accounts of all lanes."""
    total: dict[str, int] = {}
    for account in accounts:
        for word, count in account.items():
            total[word] = total.get(word, 0) + count
    rung = {alarm.id: alarm for alarm in reversed(revisions)}  # the first revision of each
    known, explained = [], set()
    for event in [*LOW_MOMENTS, *gaps(readings)]:
        inside = [alarm for alarm in rung.values() if event.explains(alarm)]
        explained |= {alarm.id for alarm in inside}
        first = min((alarm.detected for alarm in inside), default=None)
        known.append(
            {
                "name": event.name,
                "lifeline": LIFELINE,
                "expected": event.begin.isoformat(),
                "rung_at": first,
            }
        )
    others = [alarm.id for alarm in rung.values() if alarm.id not in explained]
    return {
        "known_events": known,
        "other_alarms": len(others),
        "accounting": total,
        "readings_per_second": round(len(readings) / seconds, 1),
    }


def _report(folder: Path, ear: Ear, summary: dict[str, Any]) -> None:
    """Write the report folder and say what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alarms.jsonl").write_bytes(b"".join(body + b"\n" for body in ear.bodies))
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    sys.stdout.write("\n")
    for event in summary["known_events"]:
        sys.stdout.write(
            f"{event['name']}: {'rang ' + event['rung_at'] if event['rung_at'] else 'MISSED'}\n"
        )
    account = summary["accounting"]
    parts = " + ".join(f"{n} {w}" for w, n in account.items() if n and w != "received")
    sys.stdout.write(f"{account.get('received', 0)} received = {parts}\n")
    sys.stdout.write(f"{summary['other_alarms']} other alarms; report in {folder}/\n")
