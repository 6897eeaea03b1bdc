"""The ledger's process on a real Kafka: each committed record is an entry once, over restarts."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer

from app.process.ledger import reader_settings
from app.process.projector import Projector
from configuration.configuration import Configuration
from contracts.topics import TopicNames
from ingest.kafka.topic_reader import TopicReader
from sinks.ledger.entry import decode_entry
from sinks.ledger.files import StoredFiles
from sinks.ledger.ledger import Ledger
from sinks.ledger.prove import Prover
from sinks.ledger.verify import verify
from tests.testkit.config_folder import folder_with
from tests.testkit.kafka.broker import Cluster
from tests.testkit.ledger.store import SIGNER

WAIT_S = 60.0


def produce(kafka: Cluster, topics: list[str], first: int, last: int) -> set[str]:
    """Records `first` to `last` of each topic, and a mark behind; their places come back."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all"})
    for topic in topics:
        for i in range(first, last):
            producer.produce(topic, b'{"n":%d}' % i, key=b"a-%d" % i, partition=0)
        producer.produce(topic, b"{}", partition=0, headers={"tocsin": b"mark"})
    assert producer.flush(30) == 0
    behind = first // (last - first)  # marks before
    return {f"{topic}:0:{i + behind}" for topic in topics for i in range(first, last)}


async def kept(configuration: Configuration, files: StoredFiles, size: int) -> list[str]:
    """Places of the entries, once there are so many."""
    topics = TopicReader(reader_settings(configuration))
    projector = Projector("ledger", Ledger(files, SIGNER), topics)
    serving = asyncio.create_task(projector.serve())
    try:
        async with asyncio.timeout(WAIT_S):
            while (note := files.get("checkpoint")) is None or int(note.split(b"\n")[1]) < size:
                assert not serving.done(), serving
                await asyncio.sleep(0.05)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    entries = Prover(files, SIGNER.verifier).entries()
    return [decode_entry(data).place for _, data in entries]


@pytest.mark.slow
async def test_each_record_is_an_entry_once_over_restarts(kafka: Cluster, tmp_path: Path) -> None:
    app = kafka.unique("ledger")
    settings = f'app: {app}\nkafka: {{bootstrap: "{kafka.bootstrap}"}}\n'
    settings += "lifelines: {water: {partitions: 1}}\n"
    folder = folder_with(tmp_path / "configs", {"tocsin.yaml": settings})
    configuration, names = Configuration.load(folder, {}), TopicNames(app)
    desk = [names.incidents, names.notices, names.journal("desk")]
    topics = [names.alarms("water"), names.journal("water"), *desk]
    for topic in topics:
        kafka.create_topic(topic, partitions=1)
    files = StoredFiles(str(tmp_path / "ledger"))
    told: set[str] = set()
    for first in (0, 40, 80):
        told |= produce(kafka, topics, first, first + 40)
        found = await kept(configuration, files, len(told))
        assert len(found) == len(told)
        assert set(found) == told
    assert list(verify(files, SIGNER.verifier)) == []
