"""`tocsin topics`: list, make and check the topics of a configuration."""

import argparse
import json
import sys

import msgspec

from app.operate.copy_state import carry
from app.process.settings import _at, settled
from broker.topics import TopicPlan, ensure, needed
from configuration.configuration import Configuration
from contracts.topics import TopicNames


async def settle_topics(arguments: argparse.Namespace) -> int:
    """List the topics that the configuration needs; with `--create` make and check them."""
    configuration = settled(arguments)
    plan = TopicPlan(replication=arguments.replication, append_time=not arguments.keep_stamps)
    topics = needed(configuration.partitions, TopicNames(configuration.settings.app), plan)
    if arguments.create:
        for line in await ensure(topics, configuration.settings.kafka.bootstrap):
            sys.stdout.write(line + "\n")
    if arguments.carry:
        old = _at(Configuration.load(arguments.carry), arguments.bootstrap)
        for line in await carry(old, configuration):
            sys.stdout.write(line + "\n")
    if arguments.create or arguments.carry:
        return 0
    for topic in topics:
        if arguments.json:
            sys.stdout.write(json.dumps(msgspec.to_builtins(topic)) + "\n")
            continue
        settings = ", ".join(f"{key}={value}" for key, value in sorted(topic.settings.items()))
        head = f"{topic.name}: {topic.partitions} partitions, {topic.replication} copies"
        sys.stdout.write(f"{head}, {settings}\n")
    return 0
