"""Metrics and probes over real HTTP on the loopback."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import ClientConnectorError, ClientSession, ClientTimeout
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from contracts.errors import ConfigError
from contracts.ports.status import AWAY_S_MAX, LaneStatus, WorkerStatus
from sinks.http import listener
from sinks.http.health import KEPT_TIMES, HealthServer
from sinks.http.listener import CONNECTIONS_MAX, STOP_S_MAX
from tests.sinks.http.wound import WoundStatus, busy

pytestmark = pytest.mark.slow


@asynccontextmanager
async def serving(status: WoundStatus) -> AsyncIterator[tuple[HealthServer, ClientSession]]:
    server = HealthServer(status, "127.0.0.1", 0, "1.2.3")
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    try:
        async with ClientSession(base, timeout=ClientTimeout(5)) as session:
            yield server, session
    finally:
        await server.stop()


async def ask(status: WoundStatus, path: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    """Status of an answer, and its checks by name."""
    async with serving(status) as (_, session), session.get(path) as answer:
        assert answer.content_type == "application/json"
        body = await answer.json()
        assert body["good"] == (answer.status == 200)
        return answer.status, {c["name"]: (c["good"], c["say"]) for c in body["checks"]}


async def test_metrics_are_served_as_prometheus_text() -> None:
    async with serving(WoundStatus([busy()])) as (_, session), session.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {f.name: f for f in text_string_to_metric_families(await answer.text())}
    assert families["tocsin_alarms_open"].samples
    assert families["process_resident_memory_bytes"].samples


async def test_openmetrics_is_served_to_whoever_asks_for_it() -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with (
        serving(WoundStatus([busy()])) as (_, session),
        session.get("/metrics", headers=headers) as answer,
    ):
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")


ACCEPTS = (
    "application/openmetrics-text; version=a",
    "application/openmetrics-text; version=1..0",
    "application/openmetrics-text; version=\u0663; escaping=\u0663",
    "application/openmetrics-text; version=" + "9" * 3_000,
    "text/plain; version=a, application/openmetrics-text; version=",
    "text/plain; version=1.0.0; escaping=" + "x" * 3_000,
    "," * 3_000,
    "\0",
)


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_whatever_format_is_asked_for_is_one_of_two_or_refused(accept: str) -> None:
    async with serving(WoundStatus([busy()])) as (server, session):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readline()).split()[1] in {b"200", b"400"}
        writer.close()
        async with session.get("/metrics") as answer:
            assert answer.status == 200


class SlowCollector(Collector):
    """Numbers that take long to collect, and how often they were."""

    def __init__(self, status: WorkerStatus, version: str) -> None:
        self.status = status
        self.asked = 0

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        time.sleep(0.01)
        yield GaugeMetricFamily("asked", "Times", value=self.asked)


async def test_however_fast_metrics_are_asked_for_the_loop_has_time_for_others() -> None:
    made: list[SlowCollector] = []

    def collector_of(status: WorkerStatus, version: str) -> SlowCollector:
        made.append(SlowCollector(status, version))
        return made[0]

    server = HealthServer(WoundStatus(), "127.0.0.1", 0, collector_of=collector_of)
    await server.start()
    try:
        async with ClientSession(f"http://127.0.0.1:{server.port}") as session:
            began_s = time.monotonic()
            for _ in range(200):
                async with session.get("/metrics") as answer:
                    assert b"asked" in await answer.read()
            passed_s = time.monotonic() - began_s
            assert made[0].asked <= 1 + passed_s / (KEPT_TIMES * 0.01)
            async with asyncio.timeout(20):  # what is kept is not kept for ever
                while made[0].asked < 3:
                    async with session.get("/metrics") as answer:
                        assert answer.status == 200
    finally:
        await server.stop()


async def test_a_running_worker_is_ready() -> None:
    status, checks = await ask(WoundStatus([busy("water-0"), busy("water-1")]), "/readyz")
    assert status == 200
    assert checks == {
        "loop": (True, "turning"),
        "ownership": (True, "owns 2 lanes"),
        "water-0": (True, "running"),
        "water-1": (True, "running"),
    }


async def test_a_lane_in_trouble_is_named_with_its_trouble() -> None:
    failed = LaneStatus("water-1", phase="failed", trouble="readings 3..9 are lost")
    status, checks = await ask(WoundStatus([busy("water-0"), failed]), "/readyz")
    assert status == 503
    assert checks["water-0"] == (True, "running")
    assert checks["water-1"] == (False, "failed: readings 3..9 are lost")


async def test_a_lane_that_sees_less_than_its_log_holds_is_not_ready() -> None:
    long_ago_s = time.monotonic() - 2 * AWAY_S_MAX
    away = replace(busy("water-0"), answered_at_s=long_ago_s)
    blocked = replace(busy("water-1"), answered_at_s=time.monotonic(), hidden_at_s=long_ago_s)
    status, checks = await ask(WoundStatus([away, blocked]), "/readyz")
    assert status == 503
    assert checks["water-0"] == (False, "running: no broker has answered for 30 s")
    hidden = "running: an open transaction has hidden records for 30 s"
    assert checks["water-1"] == (False, hidden)


async def test_a_worker_without_settled_ownership_is_not_ready() -> None:
    status, checks = await ask(WoundStatus([busy()], settled=False), "/readyz")
    assert status == 503
    assert checks["ownership"] == (False, "not settled: the group is sharing lanes out")
    status, _ = await ask(WoundStatus([], settled=False), "/readyz")
    assert status == 503


async def test_a_worker_lives_while_its_lanes_do_not() -> None:
    status = WoundStatus([LaneStatus("water-0", trouble="broker away")], settled=False)
    assert await ask(status, "/livez") == (200, {"loop": (True, "turning")})


async def test_a_loop_that_stood_still_is_neither_alive_nor_ready() -> None:
    status = WoundStatus([busy()], turning=False)
    code, checks = await ask(status, "/livez")
    assert code == 503
    assert checks == {"loop": (False, "has not turned for too long")}
    assert (await ask(status, "/readyz"))[0] == 503


async def test_other_paths_and_methods_are_refused() -> None:
    async with serving(WoundStatus()) as (_, session):
        async with session.get("/") as answer:
            assert answer.status == 404
        async with session.post("/metrics") as answer:
            assert answer.status == 405


async def test_a_taken_port_is_refused_with_what_to_do() -> None:
    async with serving(WoundStatus()) as (server, _):
        second = HealthServer(WoundStatus(), "127.0.0.1", server.port)
        with pytest.raises(ConfigError, match=rf"expected to listen on 127\.0\.0\.1:{server.port}"):
            await second.start()


async def test_stopping_is_bounded_though_a_client_hangs_on() -> None:
    server = HealthServer(WoundStatus(), "127.0.0.1", 0)
    await server.start()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")  # never ends its head
    await writer.drain()
    began = time.monotonic()
    await server.stop()
    await server.stop()
    assert time.monotonic() - began < STOP_S_MAX + 0.5
    writer.close()
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorError):
            await session.get(f"http://127.0.0.1:{server.port}/livez")


Half = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def half_open(port: int) -> Half:
    """A connection that has sent the beginning of a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    await writer.drain()
    return reader, writer


async def ended(connection: Half) -> None:
    """Wait until the server has let go of a connection."""
    reader, writer = connection
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_probes_are_answered_beside_a_thousand_requests_that_are_never_sent_whole() -> None:
    async with serving(WoundStatus([busy()])) as (server, session), asyncio.timeout(60):
        held = [await half_open(server.port) for _ in range(1000)]
        await asyncio.gather(*map(ended, held[:-CONNECTIONS_MAX]))
        for path in ("/livez", "/readyz", "/metrics"):
            async with session.get(path) as answer:
                assert answer.status == 200
        for _, writer in held:
            writer.close()


async def test_a_request_that_is_not_sent_whole_in_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "CONNECTION_S_MAX", 0.1)
    async with serving(WoundStatus([busy()])) as (server, _), asyncio.timeout(20):
        await ended(await half_open(server.port))
