"""What a lane may rely on of its log: the same in memory and on a real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiokafka.client import AIOKafkaClient

from contracts.errors import DataLoss, FatalError, Fenced
from contracts.journal import Entry, Shelve, Tick
from contracts.ports.lane_log import Manifest, Message, OutputMark
from tests.sinks.kafka.log_bench import OWN, Bench, KafkaBench, MemoryBench
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.broker import Cluster
from tests.testkit.memory_broker import BYTES_MAX

ENTRIES = [Entry(7, Tick(1_000)), Entry(9, Shelve("桥", "me", "drill", 60), 3)]
ALARMS = [Message("alarm", b"id%d" % n, b'{"revision":%d}' % n) for n in range(5)]
LETTERS = [Message("dead_letter", b"water-1@%d" % n, b'{"offset":%d}' % n) for n in range(3)]
MESSAGES = [ALARMS[0], LETTERS[0], *ALARMS[1:4], *LETTERS[1:], ALARMS[4]]
LOUD = Message("alarm", b"loud", b'{"revision":1}')
SECOND = [Message("alarm", b"id9", b"{}")]
LARGE = Message("alarm", b"large", b"x" * (BYTES_MAX + 1_000))


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.broker)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield MemoryBench()
        return
    bench = KafkaBench(request.getfixturevalue("kafka"))
    yield bench
    await bench.close()


def mark(sequence: int, telemetry: int = 50) -> OutputMark:
    return OutputMark(sequence, f"{sequence:032x}", telemetry, -1)


def manifest(snapshot: str, journal: int = 0, alarms: int = 0) -> Manifest:
    return Manifest(snapshot, "00" * 16, "ab", 10, journal, alarms, 0, 0, "0" * 32)


async def test_a_lane_that_never_lived_has_no_past(bench: Bench) -> None:
    past = await (await bench.log()).past()
    assert past == (None, None, [], None, 0, 0)


async def test_what_was_flushed_is_the_past_of_the_next_owner(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    journal_end, alarms_end = await log.flush(ENTRIES, MESSAGES, mark(8))
    assert (journal_end, alarms_end) == (2, 6)
    past = await (await bench.log()).past()
    assert past.manifest is None
    assert past.journal == [(0, ENTRIES[0]), (1, ENTRIES[1])]
    assert past.mark == msgspec.structs.replace(mark(8), journal=2)
    assert (past.journal_end, past.alarms_end) == (3, 7)  # behind the markers


async def test_outputs_are_seen_in_the_order_of_telling(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.flush([], MESSAGES, mark(8))
    alarms, letters = await bench.seen("alarms"), await bench.seen("dead_letters")
    assert [Message(s.kind, s.key, s.body) for s in alarms[:-1]] == ALARMS
    assert [Message(s.kind, s.key, s.body) for s in letters] == LETTERS
    assert (alarms[-1].kind, alarms[-1].key) == ("mark", b"mark")
    assert msgspec.json.decode(alarms[-1].body, type=OutputMark).sequence == 8


@pytest.mark.broker
async def test_an_alarm_carries_the_trace_that_it_comes_of(kafka: Cluster) -> None:
    bench = KafkaBench(kafka)
    log = await bench.log()
    await log.past()
    traced = LOUD._replace(traceparent=b"00-%032x-%016x-01" % (5, 7))
    await log.flush([], [traced, SECOND[0]], mark(2))
    found = await read_all(kafka.bootstrap, bench.topics.alarms("water"))
    headers = {record.key: dict(record.headers).get("traceparent") for record in found}
    assert headers == {b"loud": traced.traceparent, b"id9": None, b"mark": None}
    await bench.close()


async def test_offsets_pass_the_markers_between_transactions(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    assert await log.flush(ENTRIES, ALARMS, mark(5)) == (2, 6)
    assert await log.flush([], SECOND, mark(6)) == (2, 9)  # 6 is a marker
    assert await log.flush([ENTRIES[0]], [], mark(6)) == (4, 11)
    past = await (await bench.log()).past()
    assert [offset for offset, _ in past.journal] == [0, 1, 3]
    assert past.mark == msgspec.structs.replace(mark(6), journal=4)


async def test_a_successor_writes_behind_its_predecessor(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.flush(ENTRIES, ALARMS, mark(5))
    heir = await bench.log()
    past = await heir.past()
    assert await heir.flush([], [], mark(5)) == (past.journal_end, past.alarms_end + 1)


async def test_many_outputs_of_one_flush_keep_their_order(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    many = [Message("alarm", b"%d" % n, b"{}" * 20) for n in range(5_000)]
    await log.flush([], many, mark(5_000))
    assert [s.key for s in await bench.seen("alarms")][:-1] == [m.key for m in many]


@pytest.mark.parametrize("doing", ["flush", "publish"])
async def test_a_fenced_log_can_write_no_more(bench: Bench, doing: str) -> None:
    log = await bench.log()
    await log.past()
    await log.flush(ENTRIES, ALARMS, mark(5))
    heir = await bench.log()
    with pytest.raises(Fenced):
        await (log.flush([], SECOND, mark(6)) if doing == "flush" else log.publish(manifest("z")))
    past = await heir.past()
    assert past.mark is not None
    assert (past.mark.sequence, past.manifest) == (5, None)
    await heir.flush([], SECOND, mark(6))
    assert [s.key for s in await bench.seen("alarms") if s.kind == "alarm"].count(b"id9") == 1
    assert await bench.seen("manifests") == []


async def test_a_refused_record_fails_the_flush_and_nothing_of_it_is_ever_seen(
    bench: Bench,
) -> None:
    log = await bench.log()
    await log.past()
    await log.flush([ENTRIES[0]], SECOND, mark(1))
    with pytest.raises(FatalError):
        await log.flush([ENTRIES[1]], [*MESSAGES, LARGE], mark(10))
    await log.close()
    heir = await bench.log()
    past = await heir.past()
    assert past.journal == [(0, ENTRIES[0])]
    assert past.mark == msgspec.structs.replace(mark(1), journal=1)
    await heir.flush([], MESSAGES, mark(9))
    told = [s.key for s in await bench.seen("alarms") if s.kind == "alarm"]
    assert told == [b"id9", *(m.key for m in ALARMS)]
    assert [s.key for s in await bench.seen("dead_letters")] == [m.key for m in LETTERS]


async def test_manifests_come_newest_and_previous(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.publish(manifest("a"))
    first = await (heir := await bench.log()).past()
    assert (first.manifest, first.previous) == (manifest("a"), None)
    await heir.publish(manifest("b"))
    await heir.publish(manifest("c"))
    past = await (await bench.log()).past()
    assert (past.manifest, past.previous) == (manifest("c"), manifest("b"))


async def test_the_past_begins_at_the_newest_manifest(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    journal_end, alarms_end = await log.flush(ENTRIES, ALARMS, mark(5))
    await log.publish(manifest("a", journal_end, alarms_end))
    calm = await (log := await bench.log()).past()
    assert (calm.journal, calm.mark) == ([], None)
    await log.flush([ENTRIES[0]], [], mark(5))
    past = await (await bench.log()).past()
    assert past.journal == [(3, ENTRIES[0])]
    assert past.mark == msgspec.structs.replace(mark(5), journal=4)


@pytest.mark.parametrize("topic", OWN)
async def test_a_strangers_record_is_named(bench: Bench, topic: str) -> None:
    log = await bench.log()
    await log.past()
    await log.flush(ENTRIES, ALARMS, mark(5))
    await log.publish(manifest("a"))
    offset = await bench.put(topic, b"{}")
    log = await bench.log()
    if topic == "alarms":  # only marks are the lane's concern there
        assert (await log.past()).mark is not None
        return
    name = getattr(bench.topics, topic)("water")
    with pytest.raises(FatalError, match=rf"{name}\[1\]@{offset}: expected the lane's own"):
        await log.past()


async def test_an_open_transaction_over_dead_letters_hides_nothing_of_the_lane(
    bench: Bench,
) -> None:
    log = await bench.log()
    await log.past()
    async with bench.unknown_id():
        began = time.monotonic()
        await log.flush(ENTRIES, MESSAGES, mark(8))
        await log.publish(manifest("a"))
        assert len(await bench.seen("alarms")) == 6
        past = await (await bench.log()).past()
        assert past.manifest == manifest("a")
        assert past.mark is not None
        assert len(past.journal) == 2
        assert time.monotonic() - began < 8  # below the transaction's timeout
    await asyncio.sleep(0)
    assert [s.key for s in await bench.seen("dead_letters")] == [m.key for m in LETTERS]


async def test_a_journal_that_lost_its_head_is_said(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.publish(manifest("a"))
    await log.flush(ENTRIES, ALARMS, mark(5))
    await bench.forget("journal", 1)
    with pytest.raises(DataLoss, match=r"journal.water\[1\]: expected offset 0"):
        await (await bench.log()).past()


async def test_going_back_is_the_past_of_the_manifest_before(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.publish(manifest("a"))
    ends = await log.flush(ENTRIES, ALARMS, mark(5))
    await log.publish(manifest("b", *ends))
    await log.flush([ENTRIES[0]], [], mark(5))
    log = await bench.log()
    newest, before = await log.past(), await log.past(back=1)
    assert (newest.manifest, newest.previous) == (manifest("b", *ends), manifest("a"))
    assert (before.manifest, before.previous) == (manifest("a"), None)
    assert [entry for _, entry in newest.journal] == [ENTRIES[0]]
    assert [entry for _, entry in before.journal] == [*ENTRIES, ENTRIES[0]]
    assert newest.mark == before.mark
    assert newest[4:] == before[4:]


async def test_an_alarm_outside_the_count_is_told_once_by_whoever_owns_the_lane(
    bench: Bench,
) -> None:
    log = await bench.log()
    await log.past()
    _, alarms_end = await log.flush([], ALARMS, mark(5))
    assert await log.emit(LOUD, None)
    assert not await log.emit(LOUD, alarms_end)
    heir = await bench.log()
    assert not await heir.emit(LOUD, None)
    with pytest.raises(FatalError):
        await log.emit(Message("alarm", b"other", b"{}"), None)
    past = await heir.past()
    assert past.mark is not None
    assert past.mark.sequence == 5
    alarms = [s for s in await bench.seen("alarms") if s.kind == "alarm"]
    assert [Message(s.kind, s.key, s.body) for s in alarms] == [*ALARMS, LOUD]


async def test_an_old_marker_that_retention_ate_is_no_loss(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    journal_end, alarms_end = await log.flush(ENTRIES, ALARMS, mark(5))
    await log.publish(manifest("a", journal_end, alarms_end))
    await bench.forget("alarms", alarms_end + 1)
    await bench.forget("journal", journal_end + 1)
    past = await (await bench.log()).past()
    assert (past.journal, past.mark) == ([], None)
    assert (past.journal_end, past.alarms_end) == (journal_end + 1, alarms_end + 1)


@pytest.mark.parametrize("place", [{"journal": 9}, {"alarms": 9}])
async def test_a_partition_that_ends_before_the_manifest_is_refused(
    bench: Bench, place: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.partition_reader.SETTLE_S", 0.0)
    log = await bench.log()
    await log.past()
    await log.flush(ENTRIES, ALARMS[:1], mark(1))
    await log.publish(manifest("a", **place))
    (topic,) = place
    name = getattr(bench.topics, topic)("water")
    with pytest.raises(FatalError, match=rf"{name}\[1\]: expected offset 9, its end is 3"):
        await (await bench.log()).past()


async def test_closing_is_quiet_and_ends_the_log(bench: Bench) -> None:
    log = await bench.log()
    await log.past()
    await log.close()
    await log.close()
    with pytest.raises(FatalError):
        await log.flush([], ALARMS, mark(5))
    assert await bench.seen("alarms") == []


async def test_a_storm_goes_out_in_few_requests_however_many_alarms_it_has(
    kafka: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs a round trip; in the client's own batches a thousand alarms took over sixty."""
    requests: list[str] = []
    send = AIOKafkaClient.send

    async def counted(client: AIOKafkaClient, node: int, request: object, **more: object) -> object:
        requests.append(type(request).__name__)
        return await send(client, node, request, **more)

    bench = KafkaBench(kafka)
    log = await bench.log()
    await log.past()
    monkeypatch.setattr(AIOKafkaClient, "send", counted)
    storm = [Message("alarm", b"id%d" % n, b"x" * 1_000) for n in range(1_000)]
    await log.flush([], storm, mark(1_000))
    monkeypatch.undo()
    assert [seen.key for seen in await bench.seen("alarms")][:-1] == [one.key for one in storm]
    await bench.close()
    assert 0 < sum(name.startswith("Produce") for name in requests) <= 25
