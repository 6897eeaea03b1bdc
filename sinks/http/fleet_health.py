"""The HTTP side of several workers on one machine: one address for all of them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from sinks.http.health import Check, Exposition, Health, probed
from sinks.http.listener import Listener
from sinks.http.measures import PREFIX

ANSWER_S_MAX: Final = 2.0


class FleetMember(NamedTuple):
    """One worker of the crew.

    Parameters
    ----------
    name : str
        Value of the label `worker`.
    url : str
        Where it serves its own metrics and health.
    restarts : int
        How often it was started again.
    """

    name: str
    url: str
    restarts: int


class Joined:
    """Families of all members as one exposition; each sample says of which worker it is."""

    def __init__(self, members: Sequence[FleetMember], texts: Sequence[str | None]) -> None:
        self._members = members
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        """Families in the order in which they were first met."""
        up = GaugeMetricFamily(
            f"{PREFIX}worker_up", "1 when the worker process answered", labels=["worker"]
        )
        restarts = CounterMetricFamily(
            f"{PREFIX}worker_restarts", "Times that it was started again", labels=["worker"]
        )
        joined: dict[str, Metric] = {}
        for member, text in zip(self._members, self._texts, strict=True):
            up.add_metric([member.name], float(text is not None))
            restarts.add_metric([member.name], member.restarts)
            _join(joined, member.name, text_string_to_metric_families(text or ""))
        yield from (up, restarts, *joined.values())


def _join(joined: dict[str, Metric], worker: str, families: Iterable[Metric]) -> None:
    for family in families:
        kept = joined.setdefault(
            family.name, Metric(family.name, family.documentation, family.type)
        )
        for sample in family.samples:
            kept.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)


class FleetServer(Listener):
    """Serves `/metrics`, `/livez` and `/readyz` of several workers.

    Parameters
    ----------
    members : callable
        The workers as they are now.
    host : str
    port : int
    """

    def __init__(self, members: Callable[[], list[FleetMember]], host: str, port: int) -> None:
        self._members = members
        routes = {"/metrics": self._metrics, "/livez": self._livez, "/readyz": self._readyz}
        super().__init__(routes, host, port)

    async def _metrics(self, request: web.Request) -> web.Response:
        members = self._members()
        texts = await asyncio.gather(*(fetch(f"{m.url}/metrics") for m in members))
        own = CollectorRegistry(auto_describe=False)
        own.register(Joined(members, [text for _, text in texts]))
        return Exposition(own).answer(request)

    async def _livez(self, _: web.Request) -> web.Response:
        """Good while this answers: workers that do not are its own to start again."""
        return probed(Health(True, [Check("supervisor", good=True, say="turning")]))

    async def _readyz(self, _: web.Request) -> web.Response:
        members = self._members()
        answers = await asyncio.gather(*(fetch(f"{m.url}/readyz") for m in members))
        checks = [
            check
            for member, (_, text) in zip(members, answers, strict=True)
            for check in _checks(member, text)
        ]
        return probed(Health(all(check.good for check in checks), checks))


def _checks(member: FleetMember, text: str | None) -> Iterator[Check]:
    if text is None:
        yield Check(f"worker-{member.name}", good=False, say="does not answer")
        return
    for check in msgspec.json.decode(text, type=Health).checks:
        yield msgspec.structs.replace(check, name=f"worker-{member.name}/{check.name}")


async def fetch(url: str) -> tuple[int, str | None]:
    """Status and body of an answer; 0 and None when none comes in time."""
    try:
        async with (
            ClientSession(timeout=ClientTimeout(ANSWER_S_MAX)) as session,
            session.get(url) as answer,
        ):
            return answer.status, await answer.text()
    except (ClientError, OSError, TimeoutError):
        return 0, None
