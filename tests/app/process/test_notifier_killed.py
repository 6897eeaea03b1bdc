"""`tocsin notify` killed between sends: nothing is lost, and what comes twice has the same key."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import etree

from broker.topics import TopicPlan, ensure, notice_topics
from contracts.topics import TopicNames
from tests.testkit.desk.notices import hook, notice
from tests.testkit.desk.notifier import installed, say, started
from tests.testkit.in_process import until
from tests.testkit.kafka.broker import Cluster

APP = "killed"
NOTICES = 120
KILLS = 5
PATIENCE_S = 60.0
RECEIVERS = """\
receivers:
  - id: hook
    webhook: {{url: "{url}", secrets: ["${{file:{key}}}"]}}
"""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_nothing_is_lost_and_repeats_have_the_same_key(
    tmp_path: Path, kafka: Cluster
) -> None:
    await ensure(notice_topics(TopicNames(APP), TopicPlan(replication=1)), kafka.bootstrap)
    async with hook() as server:
        receivers = RECEIVERS.format(url=server.url, key=tmp_path / "key")
        process = installed(tmp_path, kafka, APP, receivers)
        try:
            await started(process)
            await say(kafka, APP, [notice(n, incident=f"i-{n}") for n in range(NOTICES)])
            for kill in range(KILLS):
                await server.until((kill + 1) * NOTICES // (KILLS + 1))
                process.kill()
                await started(process)
            await until(lambda: f"n-{NOTICES - 1}" in server.ids)
            assert await process.finish(20) == 0
        finally:
            process.bury()
    told = server.ids
    assert list(dict.fromkeys(told)) == [f"n-{n}" for n in range(NOTICES)]
    assert len(told) - NOTICES <= KILLS, "one may be on its way to a receiver when it dies"
    bodies: dict[str, object] = {}
    for headers, body in server.requests:
        said = json.loads(body)["data"]
        assert said["id"] == headers["webhook-id"]
        assert bodies.setdefault(headers["webhook-id"], said) == said
    repeated = [first == then for first, then in pairwise(told)]
    assert sum(repeated) == len(told) - NOTICES, "a repeat comes at once, before anything newer"


CAP = """\
receivers:
  - id: cap
    cap: {{sender: tocsin@city.example, folder: {folder}}}
"""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_message_without_a_receipt_is_cancelled_by_the_end_that_waited(
    tmp_path: Path, kafka: Cluster
) -> None:
    app, folder = kafka.unique("cancelled"), tmp_path / "cap"
    await ensure(notice_topics(TopicNames(app), TopicPlan(replication=1)), kafka.bootstrap)
    process = installed(tmp_path, kafka, app, CAP.format(folder=folder))
    try:
        await started(process)
        process.kill()
        await say(kafka, app, [notice(0), notice(1, reason="over", revision=2)])
        for point, files in (("fsync", 0), ("rename", 1)):  # a draft is left, then a message
            process.failpoint = f"{point}:1:crash"
            process.start()
            assert await process.died(PATIENCE_S) < 0
            assert len(list(folder.glob("n-*.xml"))) == files
            assert len(list(folder.glob(".n-0.xml.*"))) == 1 - files
        process.failpoint = ""
        await started(process)
        await until((folder / "n-1.xml").exists)
        assert await process.finish(20) == 0
    finally:
        process.bury()
    assert sorted(path.name for path in folder.iterdir()) == ["n-0.xml", "n-1.xml"]
    end = etree.parse(folder / "n-1.xml").getroot()
    assert end.findtext("{*}msgType") == "Cancel"
    assert (end.findtext("{*}references") or "").split(",")[1] == "n-0"
