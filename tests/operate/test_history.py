"""The history of a desk stage on a real Kafka: kept through stops, made anew, migrated, asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.cli.commands import history as act
from app.cli.parser import parser
from app.process.desk_worker import DeskWorker
from app.process.projector import Projector
from app.process.worker_options import WorkerOptions
from broker.acl import rights
from configuration.configuration import Configuration
from contracts.desk.commands import Drill
from contracts.desk.incident import Incident
from contracts.desk.journal import DeskEntry, encode_desk_entry
from contracts.desk.notice import Withheld
from contracts.errors import ConfigError
from contracts.ports.projection import TopicRecord
from contracts.ports.status import ProjectionStatus
from contracts.settings.history import HistorySettings
from operate.history import rebuild_history, topics_of
from sinks.history.opening import store_of
from sinks.history.projection import History, history_topics
from sinks.history.queries import audit
from sinks.history.store import Store
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.desk.alarms import BEGAN_S, alarm, alarm_id
from tests.testkit.desk.city import DeskCity, desk_city
from tests.testkit.desk.process import PARTS
from tests.testkit.desk.topics import NAMES, dump, incident, notice, picked, written
from tests.testkit.kafka.broker import Cluster

pytestmark = pytest.mark.slow

ROUND = 40
WAIT_S = 60.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.05)


async def ring(city: DeskCity, first: int) -> None:
    """Alarms of two lanes, every third of them orange."""
    for lane in range(2):
        numbers = range(first + lane * ROUND, first + (lane + 1) * ROUND)
        bodies = [
            alarm(n, BEGAN_S + n, colour="blue" if n % 3 else "orange", life_safety=True)
            for n in numbers
        ]
        await city.ring(lane, *bodies)


@asynccontextmanager
async def projected(configuration: Configuration, store: Store) -> AsyncIterator[Projector]:
    """The history is kept up to date until this is left, in the midst of whatever it does."""
    settings = configuration.settings
    names = msgspec.structs.replace(NAMES, prefix=settings.app)
    projector = Projector("history", History(store, names), topics_of(configuration))
    serving = asyncio.create_task(projector.serve())
    try:
        yield projector
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_stages_day_is_kept_through_stops_and_made_anew_with_the_same_rows(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with desk_city(tmp_path, kafka.bootstrap, kafka.unique("history")) as city:
        configuration = city.configuration
        where = configuration.settings.history, configuration.settings.state
        store, asking = store_of(*where), store_of(*where)
        async with DeskWorker(configuration, WorkerOptions(lifeline="desk"), PARTS):
            await ring(city, 0)
            async with projected(configuration, store) as projector:
                await until(lambda: projector.ready() and len(revisions(asking)) > 0)
            await ring(city, 2 * ROUND)
            await city.command(kind="acknowledge", target=alarm_id(0))
            await city.command(kind="acknowledge", target="a-0000000000000000")
            async with projected(configuration, store):
                await until(lambda: len(commands(asking)) == 2)
        await assert_kept(city, store, asking)

        was = dump(asking)
        words = ["rebuild", "--configs", str(tmp_path / "configs")]
        arguments = parser().parse_args(["history", *words, "--bootstrap", kafka.bootstrap])
        assert await rebuild_history(arguments) == 0
        assert dump(asking) == was
        asking.close()


async def assert_kept(city: DeskCity, store: Store, asking: Store) -> None:
    """All that the stage, which has ended, and its lanes told is in the history."""
    notices = {(one.key.decode(),) for one in await city.told("notice")}
    bodies = [one.body for one in await city.told("incident")]
    incidents = [msgspec.json.decode(body, type=Incident) for body in bodies]
    async with projected(city.configuration, store) as projector:
        await until(lambda: len(picked(asking, "alarm_revisions", "id", "revision")) == 4 * ROUND)
        await until(lambda: picked(asking, "notices", "id") == notices)
        await until(lambda: revisions(asking) == {(one.id, one.revision) for one in incidents})
        (status,) = projector.lanes()
        assert isinstance(status, ProjectionStatus)
        await until(lambda: projector.ready() and not status.waiting)
    assert notices
    found, _ = await city.reader.read(city.topics.incidents, 0, None)
    assert {dict(one.headers)["schema"] for one in found} == {b"1"}
    assert commands(asking) == {("acknowledge", False), ("acknowledge", True)}


def revisions(store: Store) -> set[tuple[Any, ...]]:
    return picked(store, "incident_revisions", "id", "revision")


def commands(store: Store) -> set[tuple[str, bool]]:
    with store.reading() as connection:
        return {(one.kind, one.refused) for one in audit(connection)}


def test_the_role_of_the_history_may_read_its_topics_and_do_nothing_else() -> None:
    own = [right for right in rights(["water"], NAMES) if right.role == "history"]
    assert {name for right in own for name in right.names} == set(
        history_topics(NAMES, {"water": 1})
    )
    assert {(right.operations, right.resource) for right in own} == {(("Read",), "topic")}


NOW_MS = 1_790_000_000_000  # some months after the history began, whatever the clock says


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration beside a history of one incident."""
    found = folder_with(tmp_path, {"tocsin.yaml": f"{SETTINGS}\nstate: {tmp_path / 'state'}\n"})
    store = store_of(HistorySettings(), str(tmp_path / "state"))
    drill = DeskEntry(Drill(by="li.wei", on=True), 1)
    bodies = [
        ("tocsin.alarms.water", "revision", alarm(1)),
        (NAMES.incidents, "incident", msgspec.json.encode(incident(1, 1))),
        (NAMES.notices, "notice", msgspec.json.encode(notice(1, 1, "city", Withheld("budget")))),
        (NAMES.journal("desk"), "entry", encode_desk_entry(drill)),
        (NAMES.notices, "notice", b"{"),
    ]
    records = [
        TopicRecord(topic, 0, offset, 1_000 + offset, b"k", body, kind)
        for offset, (topic, kind, body) in enumerate(bodies)
    ]
    written(store, records)
    store.close()
    return found


def says(folder: Path, *words: str) -> int:
    return act(parser().parse_args(["history", *words, "--configs", str(folder)]))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("incidents", "--lifeline", "water"), "i-0000000000000001  1  orange  active  registered"),
        (("show", "i-0000000000000001"), "1970-01-01T08:00:01+08:00  incident  i-0000000000000001"),
        (("alarms", "water.feed-1.flow"), "1  active  yellow  limit  low"),
        (("audit", "--by", "li.wei", "--to", "2026-03-01T00:00Z"), "desk-0  drill  li.wei"),
        (("withheld", "--desk", "city"), "new  orange  2023-11-15T06:13:20+08:00  budget"),
        (("unreadable",), "tocsin.notices[0]@4"),
    ],
)
def test_what_is_asked_is_answered_in_lines_or_records(
    folder: Path, words: tuple[str, ...], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says(folder, *words) == 0
    assert part in capsys.readouterr().out
    assert says(folder, *words, "--json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_what_cannot_be_answered_says_what_was_expected(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an incident of this history, got 'i-none'"):
        says(folder, "show", "i-none")
    with pytest.raises(ConfigError, match="--from: expected a time with an offset"):
        says(folder, "audit", "--from", "2026-03-01T00:00")
    (tmp_path / "state" / "history.sqlite").unlink()
    with pytest.raises(ConfigError, match="`tocsin history run` makes and fills them"):
        says(folder, "incidents")


def test_tables_are_migrated_and_what_is_over_is_removed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says(folder, "migrate") == 0
    assert "version 3 of the tables, 3 before" in capsys.readouterr().out
    assert says(folder, "prune", "--days", "30") == 0
    assert "removed nothing older" in capsys.readouterr().out, "a clock that is ahead ages nothing"
    store = store_of(HistorySettings(), str(tmp_path / "state"))
    now = TopicRecord("tocsin.alarms.water", 0, 1, NOW_MS, b"k", alarm(2), "revision")
    written(store, [now])
    store.close()
    assert says(folder, "prune", "--days", "30") == 0
    out = capsys.readouterr().out
    assert "removed 1 of commands, 1 of unreadable older than 30 days" in out
