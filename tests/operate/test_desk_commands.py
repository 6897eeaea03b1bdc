"""Answers typed by people reach the desk stage, signed, and its journal's answer comes back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.cli.parser import parser
from broker.topics import TopicPlan, ensure, needed
from contracts.desk.commands import DeskCommand
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.errors import ConfigError
from contracts.ports.clock import WallClock
from contracts.topics import TopicNames
from operate import desk_commands
from operate.desk_commands import desk_command
from pipeline.desk.command_judge import DeskCommandJudge
from pipeline.worker.authority import Authority, Role
from tests.ingest.test_work_orders import ORDERS
from tests.pipeline.worker.keys import key_of, pem, public_text
from tests.testkit.in_process import configured
from tests.testkit.kafka.broker import Cluster

APP = "answered"
OFFICER = key_of(1)
ALARM, INCIDENT = "a-0000000000000001", "i-0000000000000001"


def city(folder: Path, bootstrap: str) -> Path:
    """Folder of a configuration whose officer signs; the key lies beside it."""
    configured(folder, bootstrap, APP)
    settings = folder / "configs" / "tocsin.yaml"
    may = ["acknowledge", "advance", "maintenance"]
    section = {
        "keys": {"li.wei": public_text(OFFICER)},
        "roles": {"officer": {"may": may, "keys": ["li.wei"]}},
    }
    text = settings.read_text().replace("127.0.0.1:9092", bootstrap)
    settings.write_text(text + f"commands: {json.dumps(section)}\n")
    (folder / "officer.pem").write_bytes(pem(OFFICER))
    return folder


async def says(folder: Path, bootstrap: str, *words: str, key: str = "officer.pem") -> int:
    tail = ["--configs", str(folder / "configs"), "--bootstrap", bootstrap]
    who = ["--by", "li.wei", *(["--key", str(folder / key)] if key else [])]
    return await desk_command(parser().parse_args(["alarms", *words, *who, *tail]))


async def a_stage(bootstrap: str) -> None:
    """What the desk stage does with commands, as far as its journal shows it."""
    names = TopicNames(APP)
    roles = {
        "officer": Role(frozenset({"acknowledge", "advance", "maintenance"}), frozenset({"li.wei"}))
    }
    authority = Authority({"li.wei": OFFICER.public_key()}, roles)
    judge = DeskCommandJudge(authority, names.commands("desk"), WallClock())
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await consumer.start()
    await producer.start()
    try:
        consumer.assign([TopicPartition(names.commands("desk"), 0)])
        while True:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    change = judge.judge(record.value, record.offset)
                    body = encode_desk_entry(DeskEntry(change, record.offset + 1))
                    await producer.send_and_wait(names.journal("desk"), body, partition=0)
    finally:
        await consumer.stop()
        await producer.stop()


async def test_what_people_answer_is_signed_and_its_effect_or_refusal_said(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    city(tmp_path, kafka.bootstrap)
    topics = needed({"desk": 1}, TopicNames(APP), TopicPlan(replication=1))
    await ensure(topics, kafka.bootstrap)
    stage = asyncio.create_task(a_stage(kafka.bootstrap))

    async def said(*words: str, key: str = "officer.pem") -> tuple[int, str]:
        capsys.readouterr()
        code = await says(tmp_path, kafka.bootstrap, *words, key=key)
        return code, capsys.readouterr().out

    try:
        assert await said("ack", INCIDENT, "--reason", "seen") == (0, "desk-0: done\n")
        assert await said("dispatch", INCIDENT) == (0, "desk-0: done\n")
        code, text = await said("ack", INCIDENT, key="")
        assert (code, "desk-0: refused, expected a signed command" in text) == (1, True), text
        code, text = await said("close", INCIDENT, "--verdict", "true")
        assert (code, "refused, expected a role that may close" in text) == (1, True), text
        (tmp_path / "orders.csv").write_text(ORDERS)
        code, text = await said("maintenance", "--csv", str(tmp_path / "orders.csv"))
        assert (code, text) == (0, "w-1: desk-0: done\nw-2: desk-0: done\n")
        assert not stage.done()
    finally:
        stage.cancel()
        await asyncio.gather(stage, return_exceptions=True)


@pytest.mark.parametrize(
    ("words", "kind", "fields"),
    [
        (["ack", ALARM], "acknowledge", {"target": ALARM}),
        (["confirm", ALARM], "confirm", {"target": ALARM}),
        (["reset", ALARM], "reset", {"target": ALARM}),
        (["comment", ALARM, "--reason", "x"], "comment", {"reason": "x"}),
        (["assign", INCIDENT, "water", "--joint", "a", "b"], "assign", {"joint": ["a", "b"]}),
        (
            ["advance", INCIDENT, "parked", "--until", "1970-01-01T08:00:05+08:00"],
            "advance",
            {"to": "parked", "until": 5000},
        ),
        (["dispatch", INCIDENT], "advance", {"to": "dispatched"}),
        (["close", INCIDENT, "--verdict", "false"], "close", {"verdict": "false"}),
        (["verdict", ALARM, "test"], "verdict", {"verdict": "test"}),
        (["move", ALARM, "--to", INCIDENT], "move", {"to": INCIDENT}),
        (["move", ALARM], "move", {}),
        (
            ["report", "lift-3", "--lifeline", "elevator", "--colour", "red", "--reason", "x"],
            "report",
            {"asset": "lift-3", "lifeline": "elevator", "colour": "red"},
        ),
        (["drill", "on"], "drill", {"on": True}),
        (["drill", "off"], "drill", {"on": False}),
    ],
)
def test_what_is_typed_is_the_command_that_is_sent(
    words: list[str], kind: str, fields: dict[str, Any]
) -> None:
    (command,) = desk_commands._wanted(parser().parse_args(["alarms", *words, "--by", "li.wei"]))
    sent = msgspec.to_builtins(command)
    assert (sent["kind"], sent["by"]) == (kind, "li.wei")
    assert fields.items() <= sent.items()
    assert msgspec.convert(sent, DeskCommand) == command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ack", "water.dma-1"], r"tocsin alarms: Expected `str` matching regex .*`\$.target`"),
        (["ack", ALARM, "--reason", "x" * 2049], "Expected `str` of length <= 2048"),
        (["advance", INCIDENT, "parked", "--until", "soon"], "--until: expected an RFC 3339 time"),
        (["maintenance", "w-1"], "expected --csv FILE, or --assets and --begins and --ends"),
        (["shelve", "water.nowhere", "--for", "2 h", "--reason", "x"], "expected a channel of the"),
        (["ack", ALARM, "--role", "chief"], "expected a role of the key"),
    ],
)
def test_what_cannot_be_sent_is_named(tmp_path: Path, words: list[str], said: str) -> None:
    city(tmp_path, "127.0.0.1:9")
    with pytest.raises(ConfigError, match=said):
        asyncio.run(says(tmp_path, "127.0.0.1:9", *words))
