"""`tocsin topics`: list, make and check the topics of a configuration."""

import argparse
import json
import sys
from collections.abc import Sequence

import msgspec

from broker import acl
from broker.topics import Topic, TopicPlan, desk_topics, ensure, needed, notice_topics, verify
from configuration.configuration import Configuration
from contracts.kafka import Kafka
from contracts.topics import TopicNames
from operate.copy_state import carry
from operate.settings import _at, settled


async def settle_topics(arguments: argparse.Namespace) -> int:
    """List the topics that the configuration needs; with `--create` make and check them.

    With an address and without `--create` they are compared with what is there: 1 when one is
    missing or has another number of partitions.
    """
    configuration = settled(arguments)
    kafka = configuration.settings.kafka
    plan = TopicPlan(replication=arguments.replication, append_time=not arguments.keep_stamps)
    names = TopicNames(configuration.settings.app)
    topics = needed(configuration.partitions, names, plan) + desk_topics(names, plan)
    topics += [topic for topic in notice_topics(names, plan) if topic not in topics]
    if arguments.acl:
        return _say_rights(configuration, as_json=arguments.json)
    if arguments.create:
        for line in await ensure(topics, kafka.bootstrap, kafka):
            sys.stdout.write(line + "\n")
    if arguments.carry:
        old = Configuration.load(arguments.carry)
        old = old.with_settings(_at(old.settings, arguments.bootstrap))
        for line in await carry(old, configuration):
            sys.stdout.write(line + "\n")
    if arguments.create or arguments.carry:
        return 0
    if arguments.bootstrap and not arguments.json:
        return await _compare(topics, kafka)
    _list(topics, as_json=arguments.json)
    return 0


def _say_rights(configuration: Configuration, *, as_json: bool) -> int:
    """Say what each role needs, from the topics of the configuration."""
    settings = configuration.settings
    given = acl.lines(
        configuration.partitions,
        TopicNames(settings.app),
        settings.kafka.bootstrap,
        as_json=as_json,
    )
    sys.stdout.write("".join(f"{line}\n" for line in given))
    return 0


def _list(topics: Sequence[Topic], *, as_json: bool) -> None:
    """Say what the topics should be."""
    for topic in topics:
        if as_json:
            sys.stdout.write(json.dumps(msgspec.to_builtins(topic)) + "\n")
            continue
        settings = ", ".join(f"{key}={value}" for key, value in sorted(topic.settings.items()))
        head = f"{topic.name}: {topic.partitions} partitions, {topic.replication} copies"
        sys.stdout.write(f"{head}, {settings}\n")


async def _compare(topics: Sequence[Topic], kafka: Kafka) -> int:
    """Say of each topic whether it is there and as it should be."""
    lines, whole = await verify(topics, kafka.bootstrap, kafka)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if not whole:
        advice = f"tocsin topics --create --bootstrap {kafka.bootstrap}"
        sys.stdout.write(f"make what is missing: {advice}\n")
    return 0 if whole else 1
