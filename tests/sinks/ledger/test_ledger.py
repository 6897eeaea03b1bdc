"""The ledger's writer: each record once whatever dies when, files as C2SP lays them out."""

import itertools
import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import Damaged, FatalError, RetryableError
from contracts.ports.projection import TopicRecord
from sinks.ledger.entry import (
    ENTRY_BYTES_MAX,
    decode_entry,
    encode_bundle,
    encode_entries,
    encode_entry,
    split_bundle,
)
from sinks.ledger.ledger import Ledger, is_kept, read_head
from sinks.ledger.merkle import leaf_hash
from sinks.ledger.prove import Prover
from sinks.ledger.tiles import tile_name
from sinks.ledger.verify import verify
from tests.sinks.ledger.test_merkle import plain_root
from tests.testkit.ledger.store import SIGNER, MemoryFiles, behind, fed, records

pytestmark = pytest.mark.slow

TOLD = records(1_100)


def places(files: MemoryFiles) -> list[str]:
    return [decode_entry(data).place for _, data in Prover(files, SIGNER.verifier).entries()]


def places_of(told: Sequence[TopicRecord]) -> list[str]:
    return [f"{one.topic}:{one.partition}:{one.offset}" for one in told]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_the_tree_does_not_depend_on_its_steps(steps: list[int]) -> None:
    files, begin = MemoryFiles(), 0
    for step in steps:
        Ledger(files, SIGNER).apply(TOLD[begin : begin + step], behind(TOLD[: begin + step]))
        begin = min(begin + step, len(TOLD))
    head = read_head(files, SIGNER.verifier)
    assert head is not None
    entries = [encode_entry(one) for one in TOLD[:begin]]
    assert (head.size, head.root) == (begin, plain_root(entries))
    assert list(verify(files, SIGNER.verifier)) == []
    assert places(files) == places_of(TOLD[:begin])


def test_files_are_those_of_the_published_layout() -> None:
    files = MemoryFiles()
    fed(files, TOLD[:600], 600)
    assert {name for name in files.files if name.startswith("tile/")} == {
        *("tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"),
        *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"),
    }
    assert tile_name(0, 1_234_067) == "tile/0/x001/x234/067"
    entries = [encode_entry(one) for one in TOLD[:256]]
    assert files.files["tile/0/000"] == b"".join(map(leaf_hash, entries))
    assert files.files["tile/entries/000"] == encode_bundle(entries)
    assert files.files["tile/1/000.p/2"][:32] == plain_root(entries)


def test_nothing_is_left_of_tiles_that_have_grown() -> None:
    small, large = MemoryFiles(), MemoryFiles()
    fed(small, TOLD, 7)
    fed(large, TOLD, len(TOLD))
    kept = {name for name in small.files if name.startswith("checkpoints/")}
    assert len(kept) == len(TOLD) // 256  # one for each bundle that is full
    assert small.files.keys() - kept == large.files.keys()


@pytest.mark.parametrize("behind_effect", [False, True])
def test_each_record_is_there_once_whatever_write_fails(behind_effect: bool) -> None:
    told = TOLD[:300]
    by_place = {(one.topic, one.partition) for one in told}
    for fails_at in itertools.count(1):
        files = MemoryFiles()
        files.fails_at, files.behind = fails_at, behind_effect
        ledger, failures = Ledger(files, SIGNER), []
        while True:
            at = {place: ledger.positions().get(place, 0) for place in by_place}
            left = [one for one in told if one.offset >= at[one.topic, one.partition]][:97]
            if not left:
                break
            try:
                ledger.apply(left, behind(left))
            except RetryableError as error:
                failures.append(str(error))
                ledger = Ledger(files, SIGNER) if fails_at % 2 else ledger
        assert places(files) == places_of(told), fails_at
        assert list(verify(files, SIGNER.verifier)) == [], fails_at
        if not failures:
            assert fails_at > 20, "the writes of four steps"
            return
        (failure,) = failures
        assert failure.startswith("memory: expected a store that answers, got OSError")


def test_what_only_moves_the_position_is_no_entry() -> None:
    files = MemoryFiles()
    ledger = Ledger(files, SIGNER)
    ledger.apply([], {("tocsin.incidents", 0): 5})
    assert files.files == {}
    assert ledger.positions() == {("tocsin.incidents", 0): 5}
    ledger.apply(TOLD[:3], behind(TOLD[:3]))
    assert Ledger(files, SIGNER).positions()["tocsin.incidents", 0] == 5


def record(
    topic: str, value: bytes | None, kind: str = "", key: bytes | None = None
) -> TopicRecord:
    return TopicRecord(topic, 0, 1, 0, key, value, kind)


def test_marks_and_ticks_are_left_out_and_what_people_did_is_not() -> None:
    journal = "tocsin.journal.water"
    routine = [
        record("tocsin.alarms.water", b"{}", "mark"),
        record(journal, b'{"at":1,"change":{"kind":"tick","lane_time_s":4},"command":null}'),
        record("tocsin.journal.desk", b'{"change":{"kind":"took","slices":{}}}'),
    ]
    kept = [
        record("tocsin.alarms.water", b'{"change":{"kind":"tick"}}', "alarm"),
        record(journal, b'{"at":1,"change":{"kind":"shelve","channel":"a"},"command":4}'),
        record(journal, b'{"at":1,"change":{"kind":"swap","config":"ab"},"command":null}'),
        record(journal, b"not to be read"),
        record(journal, None),
    ]
    assert [is_kept(one) for one in routine] == [False] * 3
    assert [is_kept(one) for one in kept] == [True] * 5


@given(st.binary(max_size=2_000) | st.none(), st.binary(max_size=200) | st.none())
def test_entries_keep_what_a_record_said(key: bytes | None, value: bytes | None) -> None:
    entry = encode_entry(record("tocsin.incidents", value, "x" * 500, key))
    header, body = decode_entry(entry)
    assert body == (value or b"")
    assert header.tombstone == (value is None)
    assert split_bundle(encode_bundle([entry, entry])) == ([entry, entry], 2 * len(entry) + 4)
    other = encode_entry(record("tocsin.incidents", value, "x" * 500, (key or b"") + b"!"))
    assert other != entry


@given(
    st.lists(
        st.builds(
            TopicRecord,
            st.sampled_from(["tocsin.incidents", 'a "topic"\\', "主题"]),
            st.integers(0, 3),
            st.integers(0, 1 << 60),
            st.integers(0, 1 << 50),
            st.binary(max_size=30) | st.just(b"a-1") | st.none(),
            st.binary(max_size=30) | st.none() | st.just(b"x" * ENTRY_BYTES_MAX),
            st.sampled_from(["", "alarm", "x" * 65, 'a "kind"\n']),
        )
    )
)
def test_a_header_is_the_canonical_json_of_its_fields_whatever_came_before(
    told: list[TopicRecord],
) -> None:
    """Headers are put together from pieces; a decoder and an encoder that know none agree."""
    entries = list(encode_entries(told))
    assert len(entries) == len(told)
    for one, entry in zip(told, entries, strict=True):
        head, _, body = entry.partition(b"\n")
        header, value = decode_entry(entry)
        assert msgspec.json.encode(header) == head
        assert (
            json.dumps(json.loads(head), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            == head.decode()
        )
        assert (header.topic, header.partition) == (one.topic, one.partition)
        assert (header.offset, header.time_ms, header.kind) == (*one[2:4], one.kind[:64])
        is_digest = one.value is not None and len(one.value) == ENTRY_BYTES_MAX
        assert value == body == (b"" if is_digest else one.value or b"")
        assert (header.sha256 is not None, header.size > 0) == (is_digest, is_digest)
        assert (header.key is None) == (one.key is None)


def test_the_largest_record_fits_by_its_digest() -> None:
    entry = encode_entry(record("t" * 249, b"x" * (1 << 20), "", b"\x01" * 1024))
    assert len(entry) < ENTRY_BYTES_MAX
    header, body = decode_entry(entry)
    assert (header.size, body) == (1 << 20, b"")
    assert header.sha256 is not None
    for size in range(57_000, 57_400, 50):
        assert len(encode_entry(record("t" * 249, b"x" * size, "", b"\x01" * 1024))) < 65_536


def test_a_second_writer_stops_the_first() -> None:
    files = MemoryFiles()
    first, second = Ledger(files, SIGNER), Ledger(files, SIGNER)
    first.apply(TOLD[:10], behind(TOLD[:10]))
    second.positions()
    second.apply(TOLD[10:20], behind(TOLD[10:20]))
    with pytest.raises(FatalError, match=r"expected the one of 10 entries .* stop the other"):
        first.apply(TOLD[10:30], behind(TOLD[10:30]))
    assert list(verify(files, SIGNER.verifier)) == []


def test_a_ledger_does_not_go_on_over_a_damaged_store() -> None:
    files = MemoryFiles()
    fed(files, TOLD[:300], 100)
    sound = dict(files.files)
    for name in ("tile/0/001.p/44", "tile/1/000.p/1", "positions/300", "checkpoint"):
        files.files = {**sound, name: sound[name][:-40] + bytes(40)}
        with pytest.raises(Damaged):
            Ledger(files, SIGNER).positions()
