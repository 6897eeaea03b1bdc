"""Streams for a small lane: one undisturbed channel that always rings, and trouble around it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import pyarrow as pa
from hypothesis import strategies as st

from contracts.journal import Entry
from contracts.records import Records

BEGAN_MS: Final = 1_700_000_000_000
PERIOD_MS: Final = 10_000
WITNESS: Final = "water.tank-0.in"  # nothing disturbs this channel
TROUBLED: Final = ("water.tank-0.out", "water.tank-3.in", "water.tank-3.out")
CHANNELS: Final = (WITNESS, *TROUBLED)
ELSEWHERE: Final = "water.tank-1.in"  # another lane's
LATENCY_MS: Final = 200
QUALITIES: Final = ("good", "uncertain", "bad")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as a gateway sends it; the value None is a null."""

    channel: str
    time_ms: int
    value: float | None = 5.0
    quality: str = "good"


@dataclass(frozen=True, slots=True)
class Sent:
    """One Kafka message: readings in one of the three forms, or a payload as it is."""

    stamp_ms: int
    readings: tuple[Reading, ...] = ()
    form: str = "array"
    payload: bytes | None = b""

    def encoded(self) -> bytes | None:
        if not self.readings:
            return self.payload
        if self.form == "arrow":
            return _arrow(self.readings)
        rows = [
            {"channel": r.channel, "time": r.time_ms, "value": r.value, "quality": r.quality}
            for r in self.readings
        ]
        alone = self.form == "one" and len(rows) == 1
        return msgspec.json.encode(rows[0] if alone else rows)


def _arrow(readings: Sequence[Reading]) -> bytes:
    table = pa.table(
        {
            "channel": pa.array([r.channel for r in readings], pa.string()),
            "time": pa.array([r.time_ms for r in readings], pa.timestamp("ms", "UTC")),
            "value": pa.array([r.value for r in readings], pa.float64()),
            "quality": pa.array([QUALITIES.index(r.quality) for r in readings], pa.uint8()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


@dataclass(frozen=True, slots=True)
class Stream:
    """What a lane reads: telemetry, and journal entries with their offsets."""

    records: Records
    journal: tuple[tuple[int, Entry], ...] = ()

    def moved(self, by: int) -> "Stream":
        """The same stream at other offsets."""
        records = replace(
            self.records,
            offset=self.records.offset + by,
            next_offset=self.records.next_offset + by,
        )
        moved = [(at, Entry(e.at + by, e.change, e.command)) for at, e in self.journal]
        return Stream(records, tuple(moved))


def records(sent: Iterable[Sent], first: int = 100) -> Records:
    """Messages in the order of their sending, with a hole between offsets now and then."""
    rows, offset = [], first
    for i, message in enumerate(sent):
        offset += 2 if i % 7 == 3 else 1
        rows.append((offset, message.stamp_ms, message.encoded()))
    return Records.of(rows, offset + 2)


def witness() -> list[Sent]:
    """Two falls and two rises through every colour, a silence, and a run of invalid values."""
    noise = [0.01, -0.02, 0.03, -0.01, 0.02, -0.03]
    shape = [*[5.0] * 12, *[0.5] * 5, *[5.0] * 9, *[9.5] * 5, *[5.0] * 9]
    places = [*range(len(shape)), *range(len(shape) + 10, len(shape) + 24)]
    values = [*shape, *[5.0] * 4, *[11.0] * 6, *[5.0] * 4]
    sent = []
    for place, value in zip(places, values, strict=True):
        time_ms = BEGAN_MS + place * PERIOD_MS
        reading = Reading(WITNESS, time_ms, round(value + noise[place % 6], 4))
        sent.append(Sent(time_ms + LATENCY_MS, (reading,), "one"))
    return sent


def _with(**changes: object) -> Callable[[Reading], tuple[Reading, ...]]:
    return lambda reading: (replace(reading, **changes),)  # type: ignore[arg-type]


def _at(*seconds: float) -> Callable[[Reading], tuple[Reading, ...]]:
    """The same reading at other times."""

    def moved(reading: Reading) -> tuple[Reading, ...]:
        times = [reading.time_ms + round(1000 * s) for s in seconds]
        return tuple(replace(reading, time_ms=time_ms) for time_ms in times)

    return moved


def _jump(reading: Reading) -> tuple[Reading, ...]:
    return (reading, replace(reading, time_ms=reading.time_ms + 50, value=9.0))


def _fault(reading: Reading) -> tuple[Reading, ...]:
    """A fault that is long enough for every delay, in one message."""
    low = [
        replace(reading, time_ms=reading.time_ms - 1000 * s, value=0.5) for s in range(24, -1, -4)
    ]
    return tuple(low)


# What can happen to a reading, by name.
TROUBLES: Final[dict[str, Callable[[Reading], tuple[Reading, ...]]]] = {
    "calm": _at(0),
    "null": _with(value=None),
    "nan": _with(value=float("nan")),
    "infinite": _with(value=float("inf")),
    "bad": _with(quality="bad"),
    "uncertain": _with(quality="uncertain"),
    "outside": _with(value=11.0),
    "repeat": _at(0, 0, 0),
    "disorder": _at(0, -3, -1, -2),
    "late": _at(-60),
    "ahead": _at(20, 0, 21),
    "future": _at(90),
    "history": _at(-500, -400, -300),
    "chatty": _at(*(k / 4 for k in range(-12, 0))),
    "jump": _jump,
    "breach": _with(value=0.5),
    "high": _with(value=9.5),
    "fault": _fault,
    "stranger": _with(channel="water.nobody.knows"),
    "elsewhere": _with(channel=ELSEWHERE),
}
PAYLOADS: Final = (None, b"", b"[]", b'{"channel": "wat', b"\xff\xff\xff\xff\x10", b"rubbish")
FORMS: Final = ("one", "array", "arrow")


def trouble(stamp_ms: int, channel: str, kind: str, form: str) -> Sent:
    """One message of some trouble; nulls and infinities need the form that can carry them."""
    reading = Reading(channel, stamp_ms - LATENCY_MS, 4.0 + (stamp_ms % 1009) / 1000)
    if kind in {"nan", "infinite"}:
        form = "arrow"
    return Sent(stamp_ms, TROUBLES[kind](reading), form)


def woven(extra: Iterable[tuple[int, Sent]]) -> Records:
    """The witness with further messages, each behind the witness's message of that place."""
    calm = witness()
    behind: dict[int, list[Sent]] = {}
    for place, message in extra:
        behind.setdefault(place % len(calm), []).append(message)
    sent = [m for place, one in enumerate(calm) for m in (one, *behind.get(place, []))]
    return records(sent)


def troubled() -> Records:
    """Every trouble on every troubled channel in every form, and every broken payload."""
    calm = witness()
    extra = []
    for number, kind in enumerate(TROUBLES):
        for side, channel in enumerate(TROUBLED):
            place = (2 * number + 5 * side) % len(calm)
            stamp_ms = calm[place].stamp_ms + 700 * side + 300
            extra.append((place, trouble(stamp_ms, channel, kind, FORMS[(number + side) % 3])))
    for number, payload in enumerate(PAYLOADS):
        place = 3 + 5 * number
        stamp_ms = calm[place].stamp_ms - 1500  # stamps come in no order
        extra.append((place, Sent(stamp_ms, payload=payload)))
    return woven(extra)


def calm() -> Records:
    """Every channel in time and in order; nothing rings."""
    sent = []
    for step in range(20):
        time_ms = BEGAN_MS + step * PERIOD_MS
        readings = tuple(Reading(channel, time_ms, 5.0) for channel in CHANNELS)
        sent.append(Sent(time_ms + LATENCY_MS, readings))
    return records(sent)


def blind(after: Records, channels: Sequence[str] = CHANNELS) -> Records:
    """Some records, and after a minute three in which every channel sends bad quality only."""
    begin_ms = int(after.timestamp_ms.max()) + 60_000
    sent = []
    for step in range(18):
        time_ms = begin_ms + step * PERIOD_MS
        readings = tuple(Reading(channel, time_ms, 5.0, "bad") for channel in channels)
        sent.append(Sent(time_ms + LATENCY_MS, readings))
    more = records(sent, after.next_offset)
    rows = [
        (int(one.offset[i]), int(one.timestamp_ms[i]), None if held is None else bytes(held))
        for one in (after, more)
        for i in range(len(one))
        for held in [one.payload(i)]
    ]
    return Records.of(rows, more.next_offset)


def chatty(messages: int = 150, minutes: int = 1500) -> Records:
    """The witness's day, then one channel that chatters and fails, then a day of history."""
    sent = witness()
    for number in range(messages):
        begin_ms = sent[-1].stamp_ms
        value = 0.5 if number % 20 > 14 else 5.0
        times = range(begin_ms + 1000, begin_ms + PERIOD_MS + 1, 1000)
        readings = tuple(Reading(TROUBLED[0], time_ms, value) for time_ms in times)
        sent.append(Sent(begin_ms + PERIOD_MS, readings))
    begin_ms = sent[-1].stamp_ms
    for minute in range(1, minutes):
        old = Reading(TROUBLED[1], BEGAN_MS - 60_000 * minute)
        sent.append(Sent(begin_ms + 60_000 * minute, (old,)))
    return records(sent)


@st.composite
def messages(draw: st.DrawFn) -> tuple[int, Sent]:
    """One message of trouble, and its place in the witness's day."""
    calm_day = witness()
    place = draw(st.integers(0, len(calm_day) - 1))
    stamp_ms = calm_day[place].stamp_ms + draw(st.sampled_from([-4000, -1, 0, 1, 300, 999, 7000]))
    if draw(st.integers(0, 9)) == 0:
        return place, Sent(stamp_ms, payload=draw(st.sampled_from(PAYLOADS)))
    kind, form = draw(st.sampled_from(sorted(TROUBLES))), draw(st.sampled_from(FORMS))
    return place, trouble(stamp_ms, draw(st.sampled_from(TROUBLED)), kind, form)


def days(most: int = 30) -> st.SearchStrategy[Records]:
    """The witness's day with up to so many messages of trouble woven in."""
    return st.lists(messages(), max_size=most).map(woven)
