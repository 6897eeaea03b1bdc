"""`tocsin alarms why` on a real Kafka: what rang live is made anew, and written to a file."""

import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.cli.parser import parser
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from broker.topics import TopicPlan, desk_topics, ensure
from contracts.alarm import Alarm, decode_alarm
from contracts.catalogue import Where
from contracts.desk.commands import Acknowledge
from contracts.desk.incident import Impact, Incident, Member, Situation, Ticket, Why
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.evidence.gather import Gatherer
from operate.evidence.why import why
from operate.ledger import opened_ledger
from operate.settings import settled
from sinks.ledger.prove import InclusionProof, is_included
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster
from tests.testkit.ledger.store import ORIGIN, SIGNER, behind

APP = "why"
CHANNEL = "water.tank-000.in"
FALL = [*[5.0] * 20, *[1.0] * 60, *[5.0] * 60]


async def rung(bootstrap: str) -> list[Alarm]:
    found = await read_all(bootstrap, TopicNames(APP).alarms("water"))
    alarms = [
        decode_alarm(one.value) for one in found if dict(one.headers)["tocsin"] == b"revision"
    ]
    return [one for one in alarms if (one.channel, one.rule.name) == (CHANNEL, "limit")]


async def lived(folder: Path, kafka: Cluster) -> list[Alarm]:
    """Revisions of the first alarm that a live lane rang."""
    city, names = configured(folder, kafka.bootstrap, APP), TopicNames(APP)
    await create(city)
    await ensure(desk_topics(names, TopicPlan(replication=1)), kafka.bootstrap)
    async with LifelineWorker(city, WorkerOptions("water")) as service:
        await send(city, FALL, CHANNEL)
        await until(lambda: taken(service) == len(FALL))
    alarms = await rung(kafka.bootstrap)
    assert alarms
    return [one for one in alarms if one.id == alarms[0].id]


async def told_of(kafka: Cluster, alarm: Alarm) -> str:
    """What a desk stage would tell of it: an incident, a notice, a command; the incident's id."""
    names, name = TopicNames(APP), f"i-{alarm.id[2:]}"
    member = Member(alarm.id, "", CHANNEL, "water", "blue", "blue", "active", "", Why("first"))
    found = situation(name, member)
    ticket = Ticket("registered", "", [], False, "", [])
    incident = Incident(name, 1, "new", alarm.detected, found, ticket, [], False, "")
    answer = Acknowledge(target=name, by="li.wei", id="7f3a")
    told = {
        names.incidents: (name, msgspec.json.encode(incident), b"incident"),
        names.notices: ("n-1", msgspec.json.encode({"incident": name}), b"notice"),
        names.journal("desk"): ("", encode_desk_entry(DeskEntry(answer, 1)), b""),
    }
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        for topic, (key, body, kind) in told.items():
            headers = [("tocsin", kind)]
            await producer.send_and_wait(topic, body, key.encode(), headers=headers)
    finally:
        await producer.stop()
    return name


def situation(name: str, member: Member) -> Situation:
    return Situation(
        id=name,
        opened=True,
        state="active",
        colour="orange",
        worst="orange",
        raised=[],
        title={"en": name, "zh": name},
        lifelines=["water"],
        where=Where("", "", "", "", None, None),
        root=None,
        alternatives=[],
        members=[member],
        counts={"all": 1},
        impact=Impact(0, 0, 0, []),
        next=[],
        redundancy=[],
        onset="",
        detected="",
        life_safety=False,
    )


async def with_ledger(folder: Path, alarm: Alarm, kafka: Cluster) -> None:
    """Let a ledger hold what the topics say of an alarm."""
    key = folder / "ledger.pem"
    pem = SIGNER.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    section = f"ledger: {{origin: {ORIGIN}, store: {folder}/ledger, key: '${{file:{key}}}'}}\n"
    settings = folder / "configs" / "tocsin.yaml"
    settings.write_text(settings.read_text() + section)
    place = ["--configs", str(folder / "configs"), "--bootstrap", kafka.bootstrap]
    city = settled(parser().parse_args(["alarms", "list", *place]))
    _, told = await Gatherer(city).told(alarm.id)
    opened_ledger(city.settings).apply(told.records, behind(told.records))


def check_bundle(path: Path, alarms: list[Alarm]) -> None:
    name = alarms[0].id
    with zipfile.ZipFile(path) as archive:
        held = {one: archive.read(one) for one in archive.namelist()}
    assert {f"rules/{name}.txt", "journal/water-0.jsonl"} <= held.keys()
    assert [decode_alarm(held[f"alarms/{name}.{one.revision}.json"]) for one in alarms] == alarms
    readings = held[f"readings/{CHANNEL}.csv"].decode().splitlines()
    assert readings[0] == "time,value,quality,disposition,score"
    assert len(readings) > 20
    records = [msgspec.json.decode(one) for one in held["records.jsonl"].splitlines()]
    topics = Counter(one["topic"].removeprefix(f"{APP}.") for one in records)
    beside = {"incidents": 1, "notices": 1, "journal.desk": 1}
    assert topics == {"alarms.water": len(alarms), **beside}
    decisions = [msgspec.json.decode(one) for one in held["decisions.jsonl"].splitlines()]
    assert [one["outcome"] for one in decisions] == ["equal"] * len(alarms)
    proofs = [
        msgspec.json.decode(one, type=InclusionProof) for one in held["ledger.jsonl"].splitlines()
    ]
    assert len(proofs) == len(records)
    assert all(is_included(one, SIGNER.verifier) for one in proofs)


@pytest.mark.slow
async def test_an_incident_that_rang_live_is_made_anew_to_the_byte(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    alarms, whole = await lived(tmp_path, kafka), tmp_path / "why.zip"
    incident = await told_of(kafka, alarms[0])
    await with_ledger(tmp_path, alarms[0], kafka)
    place = ["--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap]
    asked = ["alarms", "why", incident, "--bundle", str(whole), *place]
    capsys.readouterr()
    assert await why(parser().parse_args(asked)) == 0
    text = capsys.readouterr().out
    assert text.count(": equal to the byte; ") == len(alarms) >= 2
    assert f"{alarms[0].id} on {CHANNEL}: limit at " in text
    assert "limit.low.blue" in text
    assert " m  good, scored" in text
    check_bundle(whole, alarms)
    assert await why(parser().parse_args(["alarms", "why", alarms[0].id, "--json", *place])) == 0
    lines = [msgspec.json.decode(one) for one in capsys.readouterr().out.splitlines()]
    assert [(one["outcome"], one["alarm"]["revision"]) for one in lines] == [
        ("equal", one.revision) for one in alarms
    ]
    with pytest.raises(ConfigError, match="expected an alarm or incident on the topics"):
        await why(parser().parse_args(["alarms", "why", "a-0000000000000000", *place]))
