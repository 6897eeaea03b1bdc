"""The process that keeps the ledger: it follows the topics and signs what they say."""

import argparse
from typing import Final

from app.process.projector import Projector
from app.process.run import serve
from broker.acl import DESK
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from operate.ledger import opened_ledger
from operate.settings import settled
from sinks.http.projection_metrics import ProjectionCollector

RECORDS_PER_POLL: Final = 4_000  # a step, which costs some ten durable writes however small it is


async def run_ledger(arguments: argparse.Namespace) -> int:
    """Keep the ledger until SIGTERM or SIGINT."""
    configuration = settled(arguments)
    ledger = opened_ledger(configuration.settings)
    topics = TopicReader(reader_settings(configuration))
    projector = Projector("ledger", ledger, topics)
    return await serve(projector, configuration.settings.http, ProjectionCollector)


def reader_settings(configuration: Configuration) -> TopicReaderSettings:
    """Which topics the ledger takes: what lanes and desks told, and the journals of both."""
    settings, names = configuration.settings, TopicNames(configuration.settings.app)
    lanes = {
        topic: count
        for lifeline, count in configuration.partitions.items()
        for topic in (names.alarms(lifeline), names.journal(lifeline))
    }
    desk = dict.fromkeys((names.incidents, names.notices, names.journal(DESK)), 1)
    return TopicReaderSettings(
        bootstrap=settings.kafka.bootstrap,
        security=settings.kafka,
        max_partition_fetch_bytes=settings.limits.message_bytes,
        client="ledger",
        partitions={**lanes, **desk},
        records_per_poll=RECORDS_PER_POLL,
    )
