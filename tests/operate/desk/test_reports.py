"""What is printed of desks: measures, and what was withheld; and a run over a real broker."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from alarms.duty.desk_kpi import DeskTold, desk_kpi
from alarms.duty.kpi import WINDOW_S, Period
from app.cli.parser import parser
from broker.topics import TopicPlan, desk_topics, ensure, needed
from contracts.alarm import ShelvingEnd, ShelvingRecord
from contracts.civil_time import CITY
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.desk.handover import handover
from operate.desk.kpi import desk_kpis, kpi_lines
from operate.desk.records import period_asked
from operate.desk.withheld import chosen, withheld
from tests.alarms.duty.city import at
from tests.testkit.desk.told import LOSS, incident, notice
from tests.testkit.in_process import configured
from tests.testkit.kafka.broker import Cluster

APP = "reported"
BEGINS = at("2026-03-04T14:00")
SPAN = ("--from", "2026-03-04T14:00+08:00", "--to", "2026-03-04T15:00+08:00")
TOLD = [
    notice(1),
    notice(2, at="2026-03-04T14:15:00+08:00", acknowledge_by="2026-03-04T14:16:00+08:00"),
    notice(3, withheld={"by": "inhibited", "detail": "i-0000000000000009"}),
    notice(4, desk="city", level="city", withheld={"by": "budget"}),
    notice(5, at="2026-03-04T15:00:00+08:00"),
]


SHELVED = ShelvingRecord(
    channel="water.feed-01.flow",
    lifeline="water",
    state="shelved",
    since="2026-03-04T14:00:00+08:00",
    until="2026-03-04T20:00:00+08:00",
    by="li.wei",
    role="",
    reason="exchanged",
    command="c-1",
)
ENDED = msgspec.structs.replace(
    SHELVED, channel="water.feed-02.flow", ended=ShelvingEnd("2026-03-04T14:30:00+08:00", "command")
)


def asked(*words: str) -> argparse.Namespace:
    return parser().parse_args(["alarms", *words])


def test_measures_are_a_table_and_a_line_for_what_it_has_no_room_for() -> None:
    found = desk_kpi(DeskTold(TOLD, [], []), "power-310101", Period(BEGINS, BEGINS + 3_600))
    lines = list(kpi_lines([found], CITY))
    assert lines[0].startswith("2026-03-04 14:00 to 2026-03-04 15:00 (indicative: shorter than")
    assert lines[1].split()[:2] == ["desk", "notices"]
    assert lines[2].split() == [
        *("power-310101", "2", "0.33", "0.00%", "1", "1.0", "0", "100%", "0", "0", "0"),
    ]
    assert lines[3:] == [
        "power-310101: told 2 red",
        "power-310101: 1 calls at level district, 0 answered, 0 in time",
        "power-310101: withheld 1 inhibited",
    ]


@pytest.mark.parametrize(
    ("desks", "target", "reason", "numbers"),
    [
        (["power-310101", "city"], None, None, [3, 4]),
        (["city"], None, None, [4]),
        (["power-310101", "city"], LOSS, "budget", [4]),
        (["power-310101", "city"], "a-0000000000000001", None, [3, 4]),
        (["power-310101", "city"], "i-0000000000000009", None, []),
    ],
)
def test_what_was_withheld_is_found_by_desk_incident_and_reason(
    desks: list[str], target: str | None, reason: str | None, numbers: list[int]
) -> None:
    found = chosen(TOLD, desks, target, reason)
    assert [int(one.id[2:], 16) for one in found] == numbers


def test_a_period_is_whole_windows_around_what_was_asked_for() -> None:
    span = ("--from", "2026-03-04T14:05+08:00", "--to", "2026-03-04T14:51+08:00")
    assert period_asked(asked("kpi", *span)) == Period(BEGINS, BEGINS + 6 * WINDOW_S)
    until = period_asked(asked("kpi", "--to", "2026-03-04T14:00+08:00"), 3_600)
    assert until == Period(BEGINS - 3_600, BEGINS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-03-04T14:00+08:00", "--to", "2026-03-04T13:00+08:00"), "--to: expected"),
        (("--from", "yesterday"), "--from: expected an RFC 3339 time"),
    ],
)
def test_a_period_that_cannot_be_is_named(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        period_asked(asked("kpi", *words))


def test_a_desk_that_is_not_there_is_named_before_a_broker_is_asked(tmp_path: Path) -> None:
    configured(tmp_path, "127.0.0.1:9", APP)
    words = ("--desk", "nowhere", "--configs", str(tmp_path / "configs"))
    for report, act in (("kpi", desk_kpis), ("withheld", withheld)):
        with pytest.raises(ConfigError, match=r"--desk: expected one of .*, got 'nowhere'"):
            asyncio.run(act(asked(report, *words)))


async def _write(bootstrap: str) -> None:
    """Notices and an incident as the desk stage writes them, with a mark among them."""
    names = TopicNames(APP)
    plan = TopicPlan(replication=1)
    await ensure([*needed({"water": 1}, names, plan), *desk_topics(names, plan)], bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for topic, kind, records in (
            (names.notices, b"notice", TOLD),
            (names.incidents, b"incident", [incident()]),
            (names.alarms("water"), b"shelving", [SHELVED, ENDED]),
        ):
            for record in records:
                body = msgspec.json.encode(record)
                headers = [("tocsin", kind)]
                await producer.send_and_wait(topic, body, partition=0, headers=headers)
        mark: list[Any] = [("tocsin", b"mark")]
        await producer.send_and_wait(names.incidents, b"{}", key=b"mark", headers=mark)
    finally:
        await producer.stop()


async def test_reports_are_read_from_the_desk_stages_topics(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, kafka.bootstrap, APP)
    await _write(kafka.bootstrap)
    places = ("--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap)
    assert await desk_kpis(asked("kpi", "--desk", "city", "--json", *SPAN, *places)) == 0
    said = msgspec.json.decode(capsys.readouterr().out)
    assert (said["desk"], said["rates"]["withheld"]) == ("city", {"budget": 1})
    assert await withheld(asked("withheld", "--desk", "city", *SPAN, *places)) == 0
    said = capsys.readouterr().out
    assert "city was not told" in said
    assert "as much as it can bear" in said
    assert await withheld(asked("withheld", "--reason", "drill", *SPAN, *places)) == 0
    assert capsys.readouterr().out == "nothing that fits was withheld\n"
    assert await handover(asked("handover", "--desk", "city", *SPAN, *places)) == 0
    said = capsys.readouterr().out
    assert "| water.feed-01.flow | 2026-03-04 20:00 | li.wei | exchanged |" in said
    assert "| budget | 1 |" in said
    assert "# 市城运中心交接班单" in said
