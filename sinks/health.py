"""The worker's HTTP side: metrics for Prometheus, probes for whoever restarts it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from contracts.errors import ConfigError
from contracts.vitals import LaneVitals, Vitals
from sinks.metrics import registry

log = logging.getLogger("tocsin.health")

START_S_MAX: Final = 5.0
STOP_S_MAX: Final = 2.0
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


def live(vitals: Vitals) -> Health:
    """Whether the process should go on living; never depends on Kafka.

    Otherwise a broker's outage would restart every worker.
    """
    return _health([_loop(vitals)])


def ready(vitals: Vitals) -> Health:
    """Whether the worker does its work: loop, ownership, and every lane it owns."""
    lanes = vitals.lanes()
    return _health([_loop(vitals), _ownership(vitals, lanes), *map(_lane, lanes)])


def _health(checks: list[Check]) -> Health:
    return Health(all(check.good for check in checks), checks)


def _loop(vitals: Vitals) -> Check:
    alive = vitals.alive()
    return Check("loop", alive, "turning" if alive else "has not turned for too long")


def _ownership(vitals: Vitals, lanes: Sequence[LaneVitals]) -> Check:
    """Ownership can only be told apart from the lanes' own trouble when they have none."""
    if vitals.ready():
        return Check("ownership", good=True, say=f"owns {len(lanes)} lanes")
    if all(lane.phase == "running" for lane in lanes):
        return Check("ownership", good=False, say="not settled: the group is sharing lanes out")
    return Check("ownership", good=False, say="not settled until every lane is running")


def _lane(lane: LaneVitals) -> Check:
    say = f"{lane.phase}: {lane.trouble}" if lane.trouble else lane.phase
    return Check(lane.name, lane.phase == "running", say)


class HealthServer:
    """Serves `/metrics`, `/livez` and `/readyz`.

    Parameters
    ----------
    vitals : Vitals
    host : str
    port : int
        0 takes a free one; `port` tells which.
    version : str
        Version of Tocsin, for `tocsin_build_info`.

    Attributes
    ----------
    port : int
        Port that is listened on, as given before the start.
    """

    def __init__(
        self, vitals: Vitals, host: str = "127.0.0.1", port: int = 9108, version: str = "unknown"
    ) -> None:
        self._vitals = vitals
        self._host = host
        self.port = port
        self._registry = registry(vitals, version)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; `ConfigError` when the address cannot be had."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S_MAX / 2)
        self._runner = runner
        try:
            async with asyncio.timeout(START_S_MAX):
                await runner.setup()
                await web.TCPSite(runner, self._host, self.port).start()
        except (OSError, TimeoutError) as error:
            await self.stop()
            msg = (
                f"http: expected to listen on {self._host}:{self.port}, got {error}; "
                "choose another host or port"
            )
            raise ConfigError(msg) from error
        self.port = int(runner.addresses[0][1])
        log.info("serving metrics and health on %s:%d", self._host, self.port)

    async def stop(self) -> None:
        """Answer what is being answered, within `STOP_S_MAX`, and listen no more."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await runner.cleanup()
        except TimeoutError:
            log.warning("http: still answering after %g s, left", STOP_S_MAX)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _livez(self, _: web.Request) -> web.Response:
        return _answer(live(self._vitals))

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(ready(self._vitals))


def _answer(health: Health) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(health),
        status=200 if health.good else _SERVICE_UNAVAILABLE,
        content_type="application/json",
    )
