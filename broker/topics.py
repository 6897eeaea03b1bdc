"""The topics that a configuration needs: made where they are missing, else checked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)
from msgspec import Meta, Struct

from broker.access import check_access, client_options
from broker.closing import close_client
from broker.errors import meaning, refusal
from contracts.errors import ConfigError, FatalError, TocsinError
from contracts.kafka import NO_SECURITY, Security
from contracts.topics import TopicNames

DAY_MS: Final = 86_400_000
DEADLINE_S: Final = 60.0
REQUEST_TIMEOUT_MS: Final = 20_000
LOOK_S: Final = 0.1  # between looks at topics that are being made

_DELETE: Final = {"cleanup.policy": "delete"}
# Recovery reads its journal from the last snapshot on, and explains old alarms from it: nothing
# may thin it out.
_JOURNAL: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
# The active segment is never compacted: a new one every 10 minutes keeps the topic at some ten
# manifests a lane, which is what recovery reads, and at what has changed of open alarms since.
_COMPACTED: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
}

Days = Annotated[int, Meta(ge=1, le=36_500)]


class TopicPlan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an installation may choose about its topics.

    Parameters
    ----------
    replication : int
        Copies of each partition; all but one of them must have a record before it counts.
    append_time : bool
        Whether the broker stamps telemetry when it comes. Lane time follows these stamps, so
        leave it on unless the stamps are trusted more than the broker's clock, as in a replay.
    telemetry_days, commands_days, alarms_days, dead_letters_days, shadow_days : int
        Retention. Telemetry must outlast the longest time that a lane may be down.
    dead_letter_partitions : int
        The dead letters of all lanes share one topic, and what their shadows tell another one.
    """

    replication: Annotated[int, Meta(ge=1, le=9)] = 3
    append_time: bool = True
    telemetry_days: Days = 7
    commands_days: Days = 30
    alarms_days: Days = 1095
    dead_letters_days: Days = 30
    shadow_days: Days = 90
    dead_letter_partitions: Annotated[int, Meta(ge=1, le=1024)] = 4


class Topic(Struct, frozen=True):
    """One topic as it should be."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]


def needed(
    partitions: Mapping[str, int], names: TopicNames, plan: TopicPlan | None = None
) -> list[Topic]:
    """Topics of some lifelines, and the two that they share.

    Parameters
    ----------
    partitions : mapping of str to int
        Lanes of each lifeline; its five topics have as many partitions.
    names : TopicNames
    plan : TopicPlan, optional

    Examples
    --------
    >>> [topic.name for topic in needed({"water": 4}, TopicNames())][:2]
    ['tocsin.telemetry.water', 'tocsin.commands.water']
    """
    plan = plan or TopicPlan()
    stamp = "LogAppendTime" if plan.append_time else "CreateTime"
    telemetry = {**_kept(plan.telemetry_days), "message.timestamp.type": stamp}
    topics = []
    for lifeline, count in partitions.items():
        for name, settings in (
            (names.telemetry(lifeline), telemetry),
            (names.commands(lifeline), _kept(plan.commands_days)),
            (names.journal(lifeline), _JOURNAL),
            (names.manifests(lifeline), _COMPACTED),
            (names.alarms(lifeline), _kept(plan.alarms_days)),
        ):
            topics.append(_topic(name, count, plan, settings))
    for name, days in (
        (names.dead_letters, plan.dead_letters_days),
        (names.shadow, plan.shadow_days),
    ):
        topics.append(_topic(name, plan.dead_letter_partitions, plan, _kept(days)))
    return topics


def desk_topics(names: TopicNames, plan: TopicPlan | None = None) -> list[Topic]:
    """Topics of the desk stage beside those of lanes, each of one partition.

    The stage is one lane: its journal has one order, and an incident's revisions, the notices of
    it and the answers to its alarms are each read in the order in which they were told.

    Examples
    --------
    >>> [topic.name for topic in desk_topics(TopicNames())][3:]
    ['tocsin.incidents', 'tocsin.notices', 'tocsin.alarms.current']
    """
    plan = plan or TopicPlan()
    alarms = _kept(plan.alarms_days)
    wanted = (
        (names.commands("desk"), _kept(plan.commands_days)),
        (names.journal("desk"), _JOURNAL),
        (names.manifests("desk"), _COMPACTED),
        (names.incidents, alarms),
        (names.notices, alarms),
        (names.current, _COMPACTED),
    )
    return [_topic(name, 1, plan, settings) for name, settings in wanted]


def notice_topics(names: TopicNames, plan: TopicPlan | None = None) -> list[Topic]:
    """Topics of whoever tells notices to receivers: two of the desk stage's, and the receipts.

    Receipts are kept as long as notices: a receiver's newest one says where it goes on.

    Examples
    --------
    >>> [topic.name for topic in notice_topics(TopicNames())]
    ['tocsin.incidents', 'tocsin.notices', 'tocsin.receipts']
    """
    plan = plan or TopicPlan()
    wanted = (names.incidents, names.notices, names.receipts)
    return [_topic(name, 1, plan, _kept(plan.alarms_days)) for name in wanted]


def _kept(days: int) -> dict[str, str]:
    return {**_DELETE, "retention.ms": str(days * DAY_MS)}


def _topic(name: str, partitions: int, plan: TopicPlan, settings: Mapping[str, str]) -> Topic:
    in_sync = {"min.insync.replicas": str(max(1, plan.replication - 1))}
    return Topic(name, partitions, plan.replication, {**settings, **in_sync})


async def ensure(
    topics: Sequence[Topic], bootstrap: str, security: Security = NO_SECURITY
) -> list[str]:
    """Make the topics that are missing, check the others; one line for each comes back.

    A topic whose settings or copies differ is left as it is, and its line says how.

    Raises
    ------
    ConfigError
        When a topic has another number of partitions; nothing was made then.
    FatalError
        When the brokers are away or refuse.
    """
    async with _admin(bootstrap, security) as admin:
        there = await _described(admin, topics)
        refused = [line for topic in topics if (line := _miscounted(topic, there))]
        if refused:
            raise ConfigError(*refused)
        missing = [topic for topic in topics if topic.name not in there]
        await _create(admin, missing)
        lines = await _compared(admin, [topic for topic in topics if topic.name in there], there)
    made = [f"{t.name}: made, {t.partitions} partitions, {t.replication} copies" for t in missing]
    return made + lines


async def verify(
    topics: Sequence[Topic], bootstrap: str, security: Security = NO_SECURITY
) -> tuple[list[str], bool]:
    """One line for each topic, and whether all are there with their partitions; makes nothing.

    Raises
    ------
    FatalError
        When the brokers are away or refuse.
    """
    async with _admin(bootstrap, security) as admin:
        there = await _described(admin, topics)
        lines = [f"{topic.name}: missing" for topic in topics if topic.name not in there]
        lines += [line for topic in topics if (line := _miscounted(topic, there))]
        whole = not lines
        lines += await _compared(admin, [topic for topic in topics if topic.name in there], there)
    return lines, whole


async def counted(
    topics: Sequence[Topic],
    bootstrap: str,
    security: Security = NO_SECURITY,
    *,
    whole: bool = False,
) -> None:
    """Refuse topics with another number of partitions, and with `whole` those that are missing.

    Raises
    ------
    ConfigError
        With one line for each such topic, or for all that are missing.
    RetryableError
        When the brokers are away.
    """
    async with _admin(bootstrap, security, meaning) as admin:
        there = await _described(admin, topics)
    refused = [line for topic in topics if (line := _miscounted(topic, there))]
    missing = [topic.name for topic in topics if topic.name not in there]
    if whole and missing:
        text = (
            f"{bootstrap}: expected the topics of the configuration, {', '.join(missing)} missing"
        )
        advice = f"make them with `tocsin topics --create --bootstrap {bootstrap}`"
        advice += ", on a single broker with `--replication 1` as well"
        if security.encrypts or security.logs_in:  # what one has no right to is not shown
            advice += (
                "; if they are there, give this user the rights that `tocsin topics --acl` prints"
            )
        refused.append(f"{text}; {advice}")
    if refused:
        raise ConfigError(*refused)


async def members(group: str, bootstrap: str, security: Security = NO_SECURITY) -> int:
    """How many members a consumer group has now."""
    async with _admin(bootstrap, security) as admin:
        (answer,) = await admin.describe_consumer_groups([group])
    return sum(len(found["members"]) for found in answer.to_object()["groups"])


@asynccontextmanager
async def _admin(
    bootstrap: str,
    security: Security,
    meant: Callable[[str, str, Exception], TocsinError] = refusal,
) -> AsyncIterator[AIOKafkaAdminClient]:
    """Admin client with one deadline for everything, its errors with our meaning."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap,
        client_id="tocsin-topics",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **client_options(security),
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            await admin.start()
            yield admin
    except (KafkaError, TimeoutError) as error:
        await check_access(bootstrap, security)
        raise meant(bootstrap, "topics", error) from error
    finally:
        await close_client(admin)


async def _described(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic]
) -> dict[str, list[dict[str, Any]]]:
    """Partitions of the topics that are there."""
    names = {topic.name for topic in topics}
    described = await admin.describe_topics(sorted(names & set(await admin.list_topics())))
    return {topic["topic"]: topic["partitions"] for topic in described if topic["partitions"]}


def _miscounted(topic: Topic, there: Mapping[str, list[dict[str, Any]]]) -> str | None:
    """What is wrong with the number of a topic's partitions: groups live in `murmur2 mod n`."""
    partitions = there.get(topic.name)
    if partitions is None or len(partitions) == topic.partitions:
        return None
    return (
        f"{topic.name}: expected {topic.partitions} partitions, got {len(partitions)}; "
        "set the number in the configuration to the topic's, delete the topic if it is empty, or "
        "see docs/other-lanes.md"
    )


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Make topics and wait until each partition has a leader."""
    if not topics:
        return
    wanted = [
        NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.settings)
        for topic in topics
    ]
    answer = await admin.create_topics(wanted)
    for name, code, text in answer.topic_errors:
        if code == InvalidReplicationFactorError.errno:
            got = f"{topics[0].replication}: {text}; add `--replication 1` on a single broker"
            msg = f"--replication: expected at most as many copies as brokers, got {got}"
            raise ConfigError(msg)
        if code not in {0, TopicAlreadyExistsError.errno}:
            msg = f"{name}: the brokers refused to make it, {for_code(code).__name__}: {text}"
            raise FatalError(msg)
    while not await _led(admin, topics):  # noqa: ASYNC110 - the broker tells nobody
        await asyncio.sleep(LOOK_S)


async def _led(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> bool:
    there = await _described(admin, topics)
    return all(
        topic.name in there and all(partition["leader"] >= 0 for partition in there[topic.name])
        for topic in topics
    )


async def _compared(
    admin: AIOKafkaAdminClient,
    topics: Sequence[Topic],
    there: Mapping[str, list[dict[str, Any]]],
) -> list[str]:
    """One line for each topic that is there: good, or how it differs."""
    if not topics:
        return []
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.settings))
        for topic in topics
    ]
    (answer,) = await admin.describe_configs(resources)
    settings = {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
        }
        for resource in answer.to_object()["resources"]
    }
    return [
        line
        for topic in topics
        for line in _differences(topic, there[topic.name], settings.get(topic.name, {}))
    ]


def _differences(
    topic: Topic, partitions: list[dict[str, Any]], settings: Mapping[str, str]
) -> list[str]:
    lines = [
        f"{topic.name}: expected {key}={value}, got {settings.get(key)}; set it on the topic"
        for key, value in topic.settings.items()
        if settings.get(key) != value
    ]
    copies = min(len(partition["replicas"]) for partition in partitions)
    if copies < topic.replication:
        lines.append(
            f"{topic.name}: expected {topic.replication} copies, got {copies}; reassign the topic"
        )
    return lines or [f"{topic.name}: good"]
