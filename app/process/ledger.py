"""The process that keeps the ledger: it follows the topics and signs what they say."""

import argparse
from typing import Final

from app.process.projector import Projector
from app.process.serving import serve
from broker.acl import DESK
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from operate.ledger import opened_ledger
from operate.settings import settled
from sinks.http.projection_metrics import ProjectionCollector

# A step costs some ten durable writes however small it is: who has to catch up takes many at once.
RECORDS_PER_POLL: Final = 16_000
BUFFER_BYTES: Final = 64 << 20  # of all partitions together, as far as messages are no larger


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
    partitions = {**lanes, **desk}
    share = BUFFER_BYTES // sum(partitions.values())
    return TopicReaderSettings(
        bootstrap=settings.kafka.bootstrap,
        security=settings.kafka,
        max_partition_fetch_bytes=max(settings.limits.message_bytes, share),
        client="ledger",
        partitions=partitions,
        records_per_poll=RECORDS_PER_POLL,
    )
