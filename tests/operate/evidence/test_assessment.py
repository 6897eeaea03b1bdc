"""What a ledger says of an asset and of responders, against figures worked out by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from app.cli.main import main
from contracts.catalogue import Where
from contracts.desk.commands import Maintenance
from contracts.desk.incident import Impact, Incident, Member, Situation, Ticket, Why
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.ports.projection import TopicRecord
from operate.evidence.assessment import asset_life, responders
from runtime.installation import HOME
from sinks.ledger.entry import Entry, decode_entry, encode_entry
from sinks.ledger.files import StoredFiles
from sinks.ledger.ledger import Ledger
from tests.testkit.ledger.store import SIGNER, behind

GOLDEN = HOME / "tests" / "goldens" / "alarms_water.jsonl"
DAY = "2026-03-01T{}:00+08:00"


def incident(number: int, at: str, owner: str, verdict: str = "", *, drill: bool = False) -> bytes:
    """A revision of an incident that was detected at eight, told at a time."""
    member = Member("a-1", "dma-1", "c", "water", "red", "red", "active", "", Why("first"))
    situation = Situation(
        id=f"i-{number:016x}",
        opened=True,
        state="active",
        colour="red",
        worst="red",
        raised=[],
        title={},
        lifelines=["water"],
        where=Where("", "", "", "", None, None),
        root=None,
        alternatives=[],
        members=[member] if number < 3 else [],
        counts={},
        impact=Impact(0, 0, 0, []),
        next=[],
        redundancy=[],
        onset="",
        detected=DAY.format("08:00"),
        life_safety=False,
    )
    ticket = Ticket("closed" if verdict else "on site", owner, ["power"], True, verdict, [])
    told = Incident(situation.id, 1, "ticket", DAY.format(at), situation, ticket, [], drill, "")
    return msgspec.json.encode(told)


def records() -> list[TopicRecord]:
    """A morning: alarms of two assets, four incidents, a work order."""
    alarms = [
        {**json.loads(GOLDEN.read_bytes().splitlines()[0]), **changed}
        for changed in (
            {"id": "a-1", "asset": "dma-1", "colour": "yellow", "detected": "t1"},
            {"id": "a-1", "asset": "dma-1", "colour": "clear", "detected": "t2"},
            {"id": "a-2", "asset": "dma-1", "colour": "red", "detected": "t3"},
            {"id": "a-3", "asset": "dma-2", "colour": "red", "detected": "t4"},
        )
    ]
    order = Maintenance(
        order="W-7", assets=["water.dma-1"], begins=0, ends=3_600_000, by="li.wei", reason="valve"
    )
    incidents = [
        incident(1, "08:10", "water"),
        incident(1, "08:30", "water", "true"),
        incident(1, "08:55", "water", "true"),
        incident(2, "09:30", "water", "false"),
        incident(3, "09:00", "street"),
        incident(4, "09:00", "water", "test", drill=True),
    ]
    told = [("tocsin.alarms.water", json.dumps(one).encode(), "revision") for one in alarms]
    told += [("tocsin.incidents", one, "incident") for one in incidents]
    told.append(("tocsin.journal.desk", encode_desk_entry(DeskEntry(order, 1)), ""))
    return [
        TopicRecord(topic, 0, i, 0, b"k", body, kind) for i, (topic, body, kind) in enumerate(told)
    ]


def entries(told: Sequence[TopicRecord]) -> list[Entry]:
    return [decode_entry(encode_entry(one)) for one in told]


def test_an_asset_is_told_over_its_life() -> None:
    life = asset_life(entries(records()), "water.dma-1")
    assert life.alarms == {"yellow": 1, "red": 1}
    assert list(life.owners.values()) == [["t1", "t3"]]
    assert life.incidents == {f"i-{1:016x}": "true", f"i-{2:016x}": "false"}
    assert life.responsible == {"water": 2, "power": 2}
    assert life.maintenance == [
        "1970-01-01T00:00:00+00:00 to 1970-01-01T01:00:00+00:00 W-7, by li.wei: valve"
    ]
    assert asset_life(entries(records()), "water.dma-9").alarms == {}


def test_responders_have_their_closing_times_and_verdicts() -> None:
    street, water = responders(entries(records()))
    assert (street.name, street.tickets, street.closed, street.minutes) == ("street", 1, 0, None)
    assert (water.name, water.tickets, water.closed) == ("water", 2, 2)
    assert water.minutes == 60.0  # 30 and 90
    assert water.verdicts == {"true": 1, "false": 1}


def test_nothing_is_told_from_a_ledger_that_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = StoredFiles(str(tmp_path))
    Ledger(files, SIGNER).apply(records(), behind(records()))
    place = ["--store", str(tmp_path), "--verifier", str(SIGNER.verifier)]
    assert main(["ledger", "responders", *place]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["ledger", "asset", "water.dma-1", *place]) == 0
    assert json.loads(capsys.readouterr().out)["incidents"][f"i-{2:016x}"] == "false"
    bundle = tmp_path / "tile" / "entries" / "000.p" / "11"
    bundle.write_bytes(bundle.read_bytes().replace(b'"verdict":"false"', b'"verdict":"true!"'))
    assert main(["ledger", "responders", *place]) == 1
    assert "nothing is read from a ledger that was changed" in capsys.readouterr().err
