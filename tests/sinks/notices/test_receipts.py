"""Receipts on a real Kafka: read back by whoever begins, written by the newest process alone."""

import msgspec
import pytest

from broker.topics import TopicPlan, ensure, notice_topics
from contracts.desk.receipt import Receipt
from contracts.errors import Fenced
from contracts.kafka import Kafka
from contracts.topics import TopicNames
from sinks.notices.receipts import KafkaReceipts
from tests.testkit.kafka.broker import Cluster

RECEIPT = Receipt(
    receiver="a",
    notice="n-0",
    outcome="delivered",
    at="2026-03-01T00:00:00.000+00:00",
    tries=1,
    late_s=0,
    detail="",
    position=7,
    open=True,
    since={"notices": 6, "incidents": 2},
)


async def test_another_process_that_begins_shuts_the_former_out(kafka: Cluster) -> None:
    names = TopicNames(kafka.unique("receipts"))
    await ensure(notice_topics(names, TopicPlan(replication=1)), kafka.bootstrap)
    former, newer = (KafkaReceipts(Kafka(bootstrap=kafka.bootstrap), names) for _ in range(2))
    try:
        await former.start()
        assert (await former.standings(["a"]))["a"].position == 0
        await former.append(RECEIPT)
        await newer.start()
        with pytest.raises(Fenced, match="another process has begun to; run one"):
            await former.append(msgspec.structs.replace(RECEIPT, notice="n-1", position=8))
        found = await newer.standings(["a", "b"])
        assert (found["a"].position, found["a"].since) == (7, RECEIPT.since)
        assert found["b"].position == 0, "new, and begins at the end"
        refused = msgspec.structs.replace(RECEIPT, notice="n-2", position=9, open=False)
        await newer.append(refused)
        found = await newer.standings(["a"])
        assert found["a"].not_open == {"n-2": 9}
    finally:
        await former.close()
        await newer.close()
