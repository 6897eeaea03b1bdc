"""Where the demo plays: a broker inside this process, or a real Kafka under names of its own."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from broker.access import check_access, client_options
from broker.closing import close_client
from broker.embedded import EmbeddedBroker
from broker.errors import refusal
from broker.topics import Topic, TopicPlan, desk_topics, ensure, needed
from configuration.configuration import Configuration
from contracts.errors import FatalError
from contracts.kafka import Kafka
from contracts.topics import TopicNames
from lab.feeds import district

COPIES_MAX: Final = 3
REQUEST_TIMEOUT_MS: Final = 5_000
TOPICS_S: Final = 1.5  # for making topics when interrupted
GONE_S: Final = 60.0  # for deleting them: a broker that has just started, or is busy, takes long
LOOK_S: Final = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DemoBroker:
    """A broker with the topics of the lifelines on it.

    Parameters
    ----------
    configuration : Configuration
        With the broker's address and the prefix of the topics.
    embedded : bool
        It runs in this process, and its marks carry wrong checksums.
    """

    configuration: Configuration
    embedded: bool

    def of_district(self) -> "DemoBroker":
        """The same broker under names of the district's own.

        Its lanes live in another year than those of the recorded lifelines, and have a desk.
        """
        settings = self.configuration.settings
        app, state = district_app(settings.app), f"{settings.state}/{district.NAME}"
        own = msgspec.structs.replace(settings, app=app, state=state)
        return replace(self, configuration=self.configuration.with_settings(own))


def district_app(app: str) -> str:
    """Prefix of the district's topics.

    >>> district_app("tocsin")
    'tocsin-district'
    """
    return f"{app}-{district.NAME}"


def open_broker(
    configuration: Configuration, lanes: Mapping[str, int], bootstrap: str | None, state: str
) -> AbstractAsyncContextManager[DemoBroker]:
    """The broker for some lifelines.

    Parameters
    ----------
    configuration : Configuration
    lanes : mapping of str to int
        How many each lifeline has.
    bootstrap : str or None
        A real Kafka; None starts a broker inside this process.
    state : str
        Where snapshots go.
    """
    if bootstrap is None:
        return embedded(configuration, lanes, state)
    return real(configuration, lanes, bootstrap, state)


@asynccontextmanager
async def embedded(
    configuration: Configuration, lanes: Mapping[str, int], state: str
) -> AsyncIterator[DemoBroker]:
    """A broker inside this process, which ends with the broker."""
    with EmbeddedBroker() as broker:
        kafka = Kafka(bootstrap=broker.bootstrap)  # this machine's own, in the clear
        settled = _settled(configuration, configuration.settings.app, kafka, state)
        for topic in _topics(lanes, settled.settings.app):
            broker.create(topic.name)
        yield DemoBroker(settled, embedded=True)


@asynccontextmanager
async def real(
    configuration: Configuration, lanes: Mapping[str, int], bootstrap: str, state: str
) -> AsyncIterator[DemoBroker]:
    """A real Kafka: topics that nobody else has, gone when the broker is left.

    Raises
    ------
    TocsinError
        When the brokers are away or refuse.
    """
    app = f"tocsin-demo-{secrets.token_hex(4)}"
    kafka = msgspec.structs.replace(configuration.settings.kafka, bootstrap=bootstrap)
    settled = _settled(configuration, app, kafka, state)
    brokers = await _answered(_brokers(kafka))
    topics = _lasting(_topics(lanes, app, _plan(brokers)))
    try:
        await _answered(ensure(topics, bootstrap, kafka))
        yield DemoBroker(settled, embedded=False)
    finally:
        await _delete(kafka, {topic.name for topic in topics})


async def _answered(request: Coroutine[Any, Any, T]) -> T:
    """What a request brings; an interrupt waits for its answer too.

    What came of it later, nobody would delete, and the client leaves half a connection open.
    """
    asking = asyncio.create_task(request, name="topics")
    try:
        return await asyncio.shield(asking)
    finally:
        await asyncio.wait({asking}, timeout=TOPICS_S)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _settled(configuration: Configuration, app: str, kafka: Kafka, state: str) -> Configuration:
    settings = msgspec.structs.replace(configuration.settings, app=app, kafka=kafka, state=state)
    return replace(configuration, settings=settings)


def _topics(lanes: Mapping[str, int], app: str, plan: TopicPlan | None = None) -> list[Topic]:
    """Topics of the lifelines, and those of the district and its desk."""
    own = {name: count for name, count in lanes.items() if name in district.LIFELINES}
    names = TopicNames(district_app(app))
    topics = needed(lanes, TopicNames(app), plan)
    return [*topics, *needed(own, names, plan), *desk_topics(names, plan)]


def _plan(brokers: int) -> TopicPlan:
    return TopicPlan(replication=min(COPIES_MAX, brokers), append_time=False)


def _lasting(topics: list[Topic]) -> list[Topic]:
    """The topics with records kept whatever their age: recorded telemetry is years old."""
    return [
        msgspec.structs.replace(topic, settings={**topic.settings, "retention.ms": "-1"})
        if topic.settings["cleanup.policy"] == "delete"
        else topic
        for topic in topics
    ]


@asynccontextmanager
async def _admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=kafka.bootstrap,
        client_id="tocsin-demo",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **client_options(kafka),
    )
    try:
        await admin.start()
        yield admin
    except (KafkaError, TimeoutError) as error:
        await check_access(kafka.bootstrap, kafka)
        raise refusal(kafka.bootstrap, "demo", error) from error
    finally:
        await close_client(admin)


async def _brokers(kafka: Kafka) -> int:
    """How many brokers there are."""
    async with _admin(kafka) as admin:
        return len((await admin.describe_cluster())["brokers"])


async def _delete(kafka: Kafka, names: set[str]) -> None:
    """Delete topics and wait until nobody sees them; those that are not there do not matter."""
    left = names
    async with _admin(kafka) as admin:
        began = time.monotonic()
        while left and time.monotonic() - began < GONE_S:
            await admin.delete_topics(sorted(names))
            left = names & set(await admin.list_topics())
            await asyncio.sleep(LOOK_S if left else 0)
    if left:
        where = kafka.bootstrap
        msg = f"{where}: expected the demo's topics to be gone, got {sorted(left)}; delete them"
        raise FatalError(msg)
