"""The worker's HTTP side: metrics for Prometheus, probes for whoever restarts it."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from contracts.ports.status import LaneStatus, WorkerStatus
from sinks.http.listener import Listener
from sinks.http.metrics import MetricsCollector, registry

KEPT_TIMES: Final = 10  # as long as it took to make, an exposition is given to whoever asks
OPENMETRICS: Final = "application/openmetrics-text"
_SERVICE_UNAVAILABLE: Final = 503


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        `loop`, `ownership` or the lane (`water-3`).
    good : bool
    say : str
        What was found.
    """

    name: str
    good: bool
    say: str


class Health(msgspec.Struct, frozen=True):
    """Body of an answer to a probe; good when every check is."""

    good: bool
    checks: list[Check]


def live(status: WorkerStatus) -> Health:
    """Whether the process should go on living; never depends on Kafka.

    Otherwise a broker's outage would restart every worker.
    """
    return _health([_loop(status)])


def ready(status: WorkerStatus) -> Health:
    """Whether the worker does its work: loop, ownership, and every lane it owns."""
    lanes = status.lanes()
    return _health([_loop(status), _ownership(status, lanes), *map(_lane, lanes)])


def _health(checks: list[Check]) -> Health:
    return Health(all(check.good for check in checks), checks)


def _loop(status: WorkerStatus) -> Check:
    alive = status.alive()
    return Check("loop", alive, "turning" if alive else "has not turned for too long")


def _ownership(status: WorkerStatus, lanes: Sequence[LaneStatus]) -> Check:
    """Ownership can only be told apart from the lanes' own trouble when they have none."""
    if status.ready():
        return Check("ownership", good=True, say=f"owns {len(lanes)} lanes")
    if all(lane.ready for lane in lanes):
        return Check("ownership", good=False, say="not settled: the group is sharing lanes out")
    return Check("ownership", good=False, say="not settled until every lane is running")


def _lane(lane: LaneStatus) -> Check:
    why = lane.trouble or (lane.blind if lane.phase == "running" else "")
    return Check(lane.name, lane.ready, f"{lane.phase}: {why}" if why else lane.phase)


class HealthServer(Listener):
    """Serves `/metrics`, `/livez` and `/readyz` of one worker.

    Parameters
    ----------
    status : WorkerStatus
    host : str
    port : int
        0 takes a free one; `port` tells which.
    version : str
        Version of Tocsin, for `tocsin_build_info`.
    collector_of : callable
        Makes the metrics of a status, for a version.
    """

    def __init__(
        self,
        status: WorkerStatus,
        host: str = "127.0.0.1",
        port: int = 9108,
        version: str = "unknown",
        collector_of: Callable[[WorkerStatus, str], Collector] = MetricsCollector,
    ) -> None:
        self._status = status
        self._exposition = Exposition(registry(status, version, collector_of))
        routes = {"/metrics": self._metrics, "/livez": self._livez, "/readyz": self._readyz}
        super().__init__(routes, host, port)

    async def _metrics(self, request: web.Request) -> web.Response:
        return self._exposition.answer(request)

    async def _livez(self, _: web.Request) -> web.Response:
        return probed(live(self._status))

    async def _readyz(self, _: web.Request) -> web.Response:
        return probed(ready(self._status))


class Exposition:
    """A registry as text, of which making takes a tenth of the loop at most, however many ask.

    Lanes work in the same loop: whoever scrapes as fast as he can must not hold them up.

    Parameters
    ----------
    registry : CollectorRegistry
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._kept: dict[str, tuple[float, bytes]] = {}

    def answer(self, request: web.Request) -> web.Response:
        """Metrics in the format that was asked for, of now or of a moment ago.

        One of two formats: the library reads versions that nobody has, or fails at them.
        """
        opened = OPENMETRICS in request.headers.get("Accept", "")
        encode, content_type = choose_encoder(f"{OPENMETRICS}; version=1.0.0" if opened else "")
        began_s = time.monotonic()
        until_s, body = self._kept.get(content_type, (-math.inf, b""))
        if began_s >= until_s:
            body = encode(self._registry)
            ended_s = time.monotonic()
            self._kept[content_type] = ended_s + KEPT_TIMES * (ended_s - began_s), body
        return web.Response(body=body, headers={"Content-Type": content_type})


def probed(health: Health) -> web.Response:
    """What was found, as JSON; 503 when it is not good."""
    return web.Response(
        body=msgspec.json.encode(health),
        status=200 if health.good else _SERVICE_UNAVAILABLE,
        content_type="application/json",
    )
