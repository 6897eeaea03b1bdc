"""Recordings: what is read is what was written, and what is no recording is refused."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError, DecodeError
from contracts.records import Records
from ingest.limits import DecodeLimits
from lab.data import recording
from lab.data.recorded_lines import read_lines

Row = tuple[int, int, bytes | None]


def rows_of(batches: list[Records]) -> list[Row]:
    """Offset, timestamp and payload of every record."""
    return [
        (
            int(part.offset[i]),
            int(part.timestamp_ms[i]),
            payload if payload is None else bytes(payload),
        )
        for part in batches
        for i in range(len(part))
        for payload in [part.payload(i)]
    ]


histories = st.dictionaries(
    st.integers(0, 5),
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(-1, 2**40), st.none() | st.binary(max_size=9))
    ),
)


@settings(deadline=None, max_examples=40)
@given(histories, st.integers(1, 4), st.integers(1, 7))
def test_each_lane_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    steps: dict[int, list[tuple[int, int, bytes | None]]],
    chunk: int,
    rows_per_batch: int,
) -> None:
    path = tmp_path_factory.mktemp("recording") / "water.parquet"
    lanes: dict[int, list[Row]] = {}
    for lane, moves in steps.items():
        offset = -1
        lanes[lane] = [(offset := offset + step, time, body) for step, time, body in moves]
    longest = max(map(len, lanes.values()), default=0)
    chunks = [
        (lane, Records.of(rows[at : at + chunk]))
        for at in range(0, longest, chunk)
        for lane, rows in lanes.items()
        if rows[at : at + chunk]
    ]
    count = recording.write(path, "water", chunks)
    assert count == sum(map(len, lanes.values()))
    assert recording.lifeline_of(path) == "water"
    assert recording.lanes_of(path) == sorted(lane for lane, rows in lanes.items() if rows)
    for lane in range(6):
        batches = list(recording.read(path, lane, rows_per_batch))
        assert rows_of(batches) == lanes.get(lane, [])
        assert all(0 < len(part) <= rows_per_batch for part in batches)
        assert all(part.next_offset == part.offset[-1] + 1 for part in batches)


def test_offsets_that_do_not_rise_leave_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "water.parquet"
    good = Records.of([(4, 0, b"x")])
    recording.write(path, "water", [(0, good)])
    with pytest.raises(ConfigError, match=r"water\.parquet: lane 0: expected rising offsets"):
        recording.write(path, "water", [(0, good), (1, good), (0, good)])
    assert rows_of(list(recording.read(path, 0))) == [(4, 0, b"x")]
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"lane": [1]}), path)
    with pytest.raises(
        ConfigError, match=r"expected a recording \(lane, offset, timestamp_ms, pay"
    ):
        list(recording.read(path, 0))
    path.write_text("no parquet")
    with pytest.raises(ConfigError, match="expected a recording, got ArrowInvalid"):
        recording.lifeline_of(path)
    pq.write_table(pa.table({"lane": [1]}), path)
    path.write_bytes(path.read_bytes().replace(b"lane", b"l\xffne"))
    with pytest.raises(ConfigError, match="expected a recording, got"):
        recording.lifeline_of(path)
    path.unlink()
    with pytest.raises(ConfigError, match="expected a recording, got FileNotFoundError"):
        recording.lanes_of(tmp_path / "nothing")


# --- JSON lines -------------------------------------------------------------------------------


def line(channel: str, time: str | int) -> str:
    return json.dumps({"channel": channel, "time": time, "value": 1})


def lane_of(channel: str) -> int:
    return int(channel[-1])


def test_lines_become_records_of_the_lane_of_their_channel(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    lines = [
        line("a0", "1970-01-01T00:00:01.0019999Z"),
        line("b1", 5),
        "  ",
        line("c0", 7),
        line("a0", "1970-01-01T08:00:00+08:00"),
    ]
    path.write_text("\n".join(lines))
    batches = list(read_lines(path, 0, lane_of, rows_per_batch=2))
    assert rows_of(batches) == [
        (0, 1001, lines[0].encode()),
        (3, 7, lines[3].encode()),
        (4, 0, lines[4].encode()),
    ]
    assert [len(part) for part in batches] == [2, 1]
    assert rows_of(list(read_lines(path, 1, lane_of))) == [(1, 5, lines[1].encode())]
    assert list(read_lines(path, 2, lane_of)) == []


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("{", "bad_json", "2: input data was truncated; send one reading or an array of them"),
        (
            line("a0", "today"),
            "bad_time",
            "2: expected a UTC time with offset, got 'today'; fix the gateway clock format",
        ),
        ("[]", "bad_json", "2: expected one reading, got an array; write one reading on a line"),
        ("x" * 201, "too_large", "2: expected at most 200 bytes a line; split the line"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(
    tmp_path: Path, text: str, reason: str, detail: str
) -> None:
    path = tmp_path / "readings.jsonl"
    path.write_text(line("a0", 0) + "\n" + text + "\n")
    with pytest.raises(DecodeError) as caught:
        list(read_lines(path, 0, lane_of, DecodeLimits(message_bytes=200)))
    assert (caught.value.reason, caught.value.detail) == (reason, f"{path}:{detail}")
