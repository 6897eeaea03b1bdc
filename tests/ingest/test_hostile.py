"""What is made to cost more than it weighs: refused or set aside, counted, and passed."""

import subprocess
import sys
from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.catalogue import RowOf, Words
from contracts.dead_letter import DeadLetter
from contracts.lane import LaneName
from contracts.records import TOMBSTONE, Records
from ingest.admit import Admission, Plausible
from ingest.decode import DecodeLimits, Decoder
from pipeline.lane.dead_letters import LETTERS_PER_CAUSE, sampled, undecodable
from pipeline.worker.lane_loop import JUDGED_BYTES
from tests.ingest.kafka.log_text import Kind, Sent, build
from tests.ingest.kafka.test_raw_fetch import answer_of, pieces

pytestmark = pytest.mark.slow
ZSTD = 4
RECORDS_PER_FETCH = 20_000  # as workers ask for
READINGS_AT_ONCE = JUDGED_BYTES // 16


def decoder() -> Decoder:
    return Decoder(pa.array(["a"]), np.ones(1), np.zeros(1), DecodeLimits())


def test_a_batch_that_was_set_aside_is_one_refusal_that_names_its_cause() -> None:
    body = b'{"channel":"a","time":1,"value":1}'
    plain = Records.of([(7, 1, body), (8, 1, None), (20, 1, None), (21, 1, body)])
    fault = "batch at 8: expected sound zstd; offsets up to 19 are passed over"
    records = Records(
        plain.offset, plain.timestamp_ms, plain.start, plain.length, plain.buffer, 22, {1: fault}
    )
    batch = decoder().decode(records)
    assert [(r.record, r.reason) for r in batch.refused] == [(1, "bad_batch"), (2, "empty")]
    letter = undecodable(LaneName("water", 0, "t", "c"), records, batch.refused[0])
    read = msgspec.json.decode(letter.body, type=DeadLetter)
    assert (read.offset, read.detail, read.payload) == (8, f"readings: {fault}", None)
    cut = records.cut(1, 3)
    assert (cut.faults, records.cut(2, 4).faults, cut.length[0]) == ({0: fault}, {}, TOMBSTONE)


# A dictionary of one long id that every reading refers to: copied for each it would be 20 GB.
LONG_ID = """
import resource
import numpy as np, pyarrow as pa
from contracts.records import Records
from ingest.admit import Admission, Plausible
from ingest.decode import DecodeLimits, Decoder
n = 20_000
ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array(["x" * 700_000]))
stamps = pa.array(np.ones(n, np.int64), pa.timestamp("ms", "UTC"))
table = pa.table({"channel": ids, "time": stamps, "value": np.ones(n)})
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
decoder = Decoder(pa.array(["a"]), np.ones(1), np.zeros(1), DecodeLimits())
decoder.decode(Records.of([(6, 1, b'{"channel":"a","time":1,"value":1}')]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(refused,) = decoder.decode(Records.of([(7, 1, bytes(sink.getvalue()))])).refused
print(refused.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_id_that_all_readings_refer_to_is_not_copied_for_each() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LONG_ID], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    reason, grown_kib = run.stdout.split()
    assert reason == "bad_channel"
    assert int(grown_kib) < 64 << 10


def test_of_each_cause_in_each_message_some_get_a_dead_letter_and_the_others_are_counted() -> None:
    most, unknown, future = LETTERS_PER_CAUSE, Disposition.UNKNOWN_CHANNEL, Disposition.FUTURE
    record = np.repeat(np.arange(3, dtype=np.int32), [2 * most + 5, most, 1])
    disposition = np.full(len(record), unknown, np.uint8)
    disposition[1:5:2] = future
    told = list(sampled(record, disposition, np.arange(len(record))))
    untold = {place: more for place, more in told if more}
    assert sum(untold.values()) + len(told) == len(record)
    assert len(untold) == 1
    assert [place for place, _ in told] == sorted(place for place, _ in told)
    by_cause = [int(np.sum((record == 0) & (disposition == cause))) for cause in (unknown, future)]
    assert by_cause == [2 * most + 3, 2]
    assert len(told) == most + 2 + most + 1
    assert list(sampled(record, disposition, np.arange(0))) == []


def packed(many: int) -> bytes:
    """Readings in Arrow, as few bytes each as the format takes: a number for the channel."""
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(many, np.int8)), pa.array(["a"]))
    stamps = pa.array(np.ones(many, np.int64), pa.timestamp("ms", "UTC"))
    table = pa.table({"channel": ids, "time": stamps, "value": np.ones(many)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


SHORTEST = b'{"channel":"a","time":1,"value":1}'
DENSE = {
    "JSON": (SHORTEST, 60_000),
    "JSON in arrays": (b"[%s]" % b",".join([SHORTEST] * 20_000), 12),
    "Arrow": (packed(50_000), 10),
    "Arrow, small": (packed(1), 20_000),
    "nothing that is one": (b"[%s]" % b",".join([b"0"] * 90_000), 40),
    "empty": (b"", 60_000),
}


@pytest.mark.parametrize("name", DENSE)
def test_what_is_judged_at_once_is_bounded_however_densely_readings_are_packed(name: str) -> None:
    """Nothing in a payload is inflated, and none takes less than 16 bytes: bytes bound readings."""
    body, records = DENSE[name]
    data = build(0, [Sent(i, 1, body) for i in range(records)], Kind(ZSTD))
    assert len(data) < len(body) * records / 20 or len(body) < 100, "it is to be highly packed"
    polls = list(pieces(answer_of(data, room=64 << 20), RECORDS_PER_FETCH))
    batches = [decoder().decode(piece) for poll in polls for piece in poll.pieces(JUDGED_BYTES)]
    found = [len(batch) + len(batch.refused) for batch in batches]
    assert max(found) <= max(READINGS_AT_ONCE, RECORDS_PER_FETCH)
    assert sum(len(poll) for poll in polls) == records


class CountedIds(RowOf):
    """Ids of other lanes, which count how many they are asked for."""

    asked = 0

    def among(self, channels: Sequence[str]) -> NDArray[np.bool_]:
        self.asked += len(channels)
        return super().among(channels)


def test_an_id_that_comes_again_and_again_is_looked_up_once_a_span_among_other_lanes_ids() -> None:
    """With a lifeline of millions of channels each look takes some twenty comparisons."""
    elsewhere = CountedIds(Words(pa.chunked_array([["b", "c"]])), [0])
    admission = Admission([Plausible(range=(0, 10))], np.zeros(1, np.int64), elsewhere)
    one = b"[%s]" % b",".join(
        b'{"channel":"%s","time":1,"value":1}' % name for name in (b"b", b"x", b"a", b"y") * 500
    )
    batch = decoder().decode(Records.of([(7, 1, one)]))
    disposition = np.zeros(len(batch), np.uint8)
    for span in ((0, 1_000), (1_000, 2_000)):
        admission.admit(batch, np.full(len(batch), 1_000_000), span, disposition)
    assert elsewhere.asked == 2 * 3
    lost = np.flatnonzero(disposition == Disposition.MISPLACED_GROUP)
    assert lost.tolist() == list(range(0, 2_000, 4))
    assert np.count_nonzero(disposition == Disposition.UNKNOWN_CHANNEL) == 1_000
