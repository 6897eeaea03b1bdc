"""Readings behind a trend, read from a real log: a window, a bound, refusals with their reason."""

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from contracts.errors import ConfigError, RetryableError
from contracts.ports.readings import Window
from contracts.topics import TopicNames
from operate.console.readings import DAY_MS, Bounds, TelemetryReadings
from tests.testkit.in_process import configured
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports

pytestmark = pytest.mark.slow
CHANNEL, OTHER = "water.tank-000.in", "water.tank-001.in"
AT_MS = int(time.time()) * 1000 - 7_200_000  # brokers drop what is older than retention
WINDOW = Window(AT_MS - 60_000, AT_MS, AT_MS)


async def send(configuration: Configuration, *records: tuple[int, bytes]) -> None:
    """Records of the only lane, each with its stamp."""
    producer = AIOKafkaProducer(bootstrap_servers=configuration.settings.kafka.bootstrap)
    topic = TopicNames(configuration.settings.app).telemetry("water")
    await producer.start()
    try:
        for stamp_ms, body in records:
            await producer.send(topic, body, partition=0, timestamp_ms=stamp_ms)
        await producer.flush()
    finally:
        await producer.stop()


def reading(at_ms: int, value: Any, channel: str = CHANNEL) -> tuple[int, bytes]:
    """One as a gateway sends it."""
    return at_ms, json.dumps({"channel": channel, "time": at_ms, "value": value}).encode()


async def lived(folder: Path, kafka: Cluster, *records: tuple[int, bytes]) -> Configuration:
    """A city whose log holds them."""
    configuration = configured(folder, kafka.bootstrap, kafka.unique("readings"))
    plan = TopicPlan(replication=1, append_time=False)  # stamps are those that are sent
    names = TopicNames(configuration.settings.app)
    await ensure(needed(configuration.partitions, names, plan), kafka.bootstrap)
    await send(configuration, *records)
    return configuration


async def test_a_window_has_the_channels_readings_and_why_others_were_refused(
    tmp_path: Path, kafka: Cluster
) -> None:
    configuration = await lived(
        tmp_path,
        kafka,
        reading(AT_MS - 3_600_000, 1.0),
        reading(AT_MS - 30_000, 4.0),
        reading(AT_MS - 29_000, 7.0, OTHER),
        reading(AT_MS - 28_000, 99.0),
        (AT_MS - 27_000, b'{"channel": "%s", "value": oops' % CHANNEL.encode()),
        (AT_MS - 26_500, b"no reading at all"),
        reading(AT_MS - 26_000, 5.0),
        reading(AT_MS - 26_000, 5.0),
        reading(AT_MS - 25_000, None),
        reading(AT_MS + 3_600_000, 9.0),
    )
    span = await TelemetryReadings(configuration).around("water", 0, CHANNEL, WINDOW)
    assert span.times_ms == [AT_MS - 30_000, AT_MS - 26_000]
    assert span.values == [4.0, 5.0]
    assert [(one.time_ms - AT_MS, one.value, one.reason) for one in span.refused] == [
        (-28_000, 99.0, "out_of_range"),
        (-27_000, None, "undecodable"),
        (-26_000, 5.0, "duplicate"),
        (-25_000, None, "not_finite"),
    ]
    assert not span.cut
    assert span.from_ms == AT_MS - 30_000


async def test_what_is_too_much_is_read_around_the_moment_that_matters(
    tmp_path: Path, kafka: Cluster
) -> None:
    records = [reading(AT_MS - 60_000 + 100 * n, 4.0 + n % 2) for n in range(600)]
    configuration = await lived(tmp_path, kafka, *records)
    source = TelemetryReadings(configuration, Bounds(records=100))
    middle = WINDOW._replace(at_ms=AT_MS - 30_000)
    span = await source.around("water", 0, CHANNEL, middle)
    assert span.cut
    assert len(span.times_ms) == 100
    assert span.times_ms[0] <= AT_MS - 30_000 <= span.times_ms[-1]
    few = TelemetryReadings(configuration, Bounds(readings=7))
    newest = await few.around("water", 0, CHANNEL, WINDOW)
    assert (len(newest.times_ms), newest.times_ms[-1], newest.cut) == (7, records[-1][0], True)


async def test_weeks_are_read_by_short_looks_spread_over_the_log(
    tmp_path: Path, kafka: Cluster
) -> None:
    begin_ms = AT_MS - 3 * DAY_MS
    records = [
        reading(begin_ms + 120_000 * n, 4.0 + n % 2, (CHANNEL, OTHER)[n % 3 > 0])
        for n in range(2_160)
    ]
    configuration = await lived(tmp_path, kafka, *records)
    window = Window(AT_MS - 7 * DAY_MS, AT_MS, AT_MS)
    few = await TelemetryReadings(configuration, Bounds(records=600)).around(
        "water", 0, CHANNEL, window
    )
    assert few.looks > 10
    assert 0 < len(few.times_ms) <= 600
    assert not few.cut
    assert few.log_begins_ms == begin_ms, "said, since a week was asked for"
    gaps = [b - a for a, b in pairwise(few.times_ms)]
    assert max(gaps) < 3 * DAY_MS / few.looks * 2, "evenly"
    assert few.times_ms[-1] > AT_MS - 3 * DAY_MS / few.looks * 2
    whole = await TelemetryReadings(configuration).around("water", 0, CHANNEL, window)
    assert (whole.looks, whole.cut, whole.log_begins_ms) == (0, False, begin_ms)
    sent = {at_ms for at_ms, _ in records[::3]}
    assert 500 < len(whole.times_ms) <= len(sent), "lowest and highest of each part alone"
    assert {*few.times_ms, *whole.times_ms} <= sent
    late = await TelemetryReadings(configuration).around(
        "water", 0, CHANNEL, window._replace(begin_ms=AT_MS - 2 * DAY_MS)
    )
    assert late.log_begins_ms is None, "the log reaches back beyond what was asked for"


async def test_an_empty_log_and_a_time_without_records_are_no_readings(
    tmp_path: Path, kafka: Cluster
) -> None:
    configuration = await lived(tmp_path, kafka)
    source = TelemetryReadings(configuration)
    assert (await source.around("water", 0, CHANNEL, WINDOW)).from_ms is None
    await send(configuration, reading(AT_MS - 86_400_000, 1.0))
    assert (await source.around("water", 0, CHANNEL, WINDOW)).times_ms == []


async def test_brokers_that_are_away_and_channels_that_are_nowhere_are_said(
    tmp_path: Path,
) -> None:
    configuration = configured(tmp_path, f"127.0.0.1:{free_ports(1)[0]}", "readings")
    source, began_s = TelemetryReadings(configuration), time.monotonic()
    with pytest.raises(RetryableError):
        await source.around("water", 0, CHANNEL, WINDOW)
    assert time.monotonic() - began_s < 60, "it must not wait for ever"
    with pytest.raises(ConfigError, match=r"expected a channel of water, got .water\.none."):
        await source.around("water", 0, "water.none", WINDOW)
