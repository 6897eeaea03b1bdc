"""Streams read in place give what the library reads from them; whatever is odd is left to it."""

import random
import struct

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.records import Records
from ingest.arrow.layout import form_of
from ingest.arrow.scan import Forms
from ingest.decode import DecodeLimits, Decoder
from ingest.id_table import IdTable
from tests.ingest.arrow.streams import UTC, dictionary, stream, table

pytestmark = pytest.mark.slow

IDS = [f"water.tank-{i:02d}" for i in range(40)] + ["北", ""]
TABLE = IdTable(pa.array(IDS))
ROW_OF = {channel: row for row, channel in enumerate(IDS)}
SCALE, OFFSET = np.linspace(1, 2, len(IDS)), np.linspace(0, 1, len(IDS))
KINDS = {
    "plain": table(channel=pa.array(IDS[:3])),
    "long": table(channel=pa.array(IDS[:3], pa.large_string())),
    "no quality": table(channel=pa.array(IDS[:3]), quality=None),
    "seconds": table(channel=pa.array(IDS[:3]), time=pa.array([1, 2, 3], pa.timestamp("s", "UTC"))),
    "turned": table(channel=pa.array(IDS[:3])).select(["quality", "value", "time", "channel"]),
}


def decoder(limits: DecodeLimits | None = None) -> Decoder:
    return Decoder(pa.array(list(ROW_OF)), SCALE, OFFSET, limits or DecodeLimits())


def whole(columns: pa.Table) -> pa.Table:
    """The same without nulls, which are for the library."""
    place = columns.schema.get_field_index("value")
    return columns.set_column(place, "value", pa.array(np.arange(len(columns)) + 0.5))


def readings(chance: random.Random, kind: str, count: int) -> pa.Table:
    """Some readings with the columns of a kind."""
    like = KINDS[kind].schema
    made = {
        "channel": pa.array([chance.choice(IDS) for _ in range(count)]),
        "time": pa.array([chance.randrange(10**9) for _ in range(count)], pa.int64()),
        "value": pa.array([chance.gauss(0, 1) for _ in range(count)]),
        "quality": pa.array([chance.randrange(3) for _ in range(count)], pa.uint8()),
    }
    return pa.table({field.name: made[field.name].cast(field.type) for field in like})


def alone(payload: bytes, offset: int = 7) -> Batch:
    """What a decoder says that has seen nothing before."""
    return decoder().decode(Records.of([(offset, 1000, payload)]))


def bits(values: NDArray[np.float64]) -> list[int]:
    found: list[int] = values.view(np.int64).tolist()
    return found


def same(fast: Batch, slow: Batch) -> None:
    for name in ("record", "row", "time_ns", "quality"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name)), name
        assert getattr(fast, name).dtype == getattr(slow, name).dtype
    assert bits(fast.value) == bits(slow.value)
    assert (fast.unknown_id, fast.refused) == (slow.unknown_id, slow.refused)


def taught(kind: str) -> Forms:
    forms = Forms(TABLE, DecodeLimits())
    forms.learn(stream(whole(KINDS[kind])))
    return forms


def read_in_place(forms: Forms, payload: bytes) -> bool:
    _, read = forms.scan(Records.of([(7, 1000, payload)]), np.ones(1, np.bool_))
    return bool(read[0])


@pytest.mark.parametrize("kind", KINDS)
def test_streams_of_a_learned_form_are_read_in_place_and_alike(kind: str) -> None:
    chance, fast, forms = random.Random(kind), decoder(), taught(kind)
    fast.decode(Records.of([(1, 1000, stream(whole(KINDS[kind])))]))
    for count in [*range(1, 18), 500]:
        payload = stream(readings(chance, kind, count))
        assert read_in_place(forms, payload)
        same(fast.decode(Records.of([(7, 1000, payload)])), alone(payload))


def mutant(chance: random.Random, payload: bytes) -> bytes:
    """Some bytes or whole numbers of a stream changed, most of them behind its schema."""
    found = bytearray(payload)
    for _ in range(chance.choice([1, 1, 2, 3])):
        at = chance.randrange(len(found) // 2 if chance.random() < 0.8 else 8, len(found) - 8) & ~7
        number = chance.choice([0, 1, 2, 3, 8, 16, 24, -1, 2**31 - 1, 2**62, -(2**63)])
        if chance.random() < 0.5:
            struct.pack_into("<q", found, at, number)
        elif chance.random() < 0.5:
            struct.pack_into("<i", found, at + 4 * chance.randrange(2), max(number, -1) % 2**31)
        else:
            found[at + chance.randrange(8)] ^= 1 << chance.randrange(8)
    return bytes(found)


def compare_mutants(seed: str, count: int) -> tuple[int, int]:
    """Assert that both ways agree on forged streams; how many were read in place, and refused."""
    chance, fast, read, refused = random.Random(seed), decoder(), 0, 0
    kinds = list(KINDS)
    forms = {kind: taught(kind) for kind in kinds}
    for kind in kinds:
        fast.decode(Records.of([(1, 1000, stream(whole(KINDS[kind])))]))
    for _ in range(count):
        kind = chance.choice(kinds)
        payload = mutant(chance, stream(readings(chance, kind, chance.randrange(1, 9))))
        slow = alone(payload)
        same(fast.decode(Records.of([(7, 1000, payload)])), slow)
        read += read_in_place(forms[kind], payload)
        refused += len(slow.refused)
    return read, refused


def test_forged_streams_are_read_alike_or_refused_alike() -> None:
    read, refused = compare_mutants("forged", 700)
    assert read > 70
    assert refused > 200


def test_a_stream_whose_columns_overlap_is_left_to_the_library() -> None:
    """Ten thousand readings in the bytes of half as many: the room for them is that of the half."""
    count = 10_000
    columns = readings(random.Random(2), "plain", count)
    columns = columns.set_column(1, "time", pa.array([0] * count, UTC))
    columns = columns.set_column(2, "value", pa.array([0.0] * count))
    payload = stream(columns, count)
    form = form_of(payload)
    assert form is not None
    body = len(form.head)
    time, value = (struct.unpack_from("<q", payload, form.numbers[i])[0] for i in (6, 7))
    forged = bytearray(payload)
    struct.pack_into("<q", forged, form.numbers[7], time)
    cut = forged[: body + value] + forged[body + value + 8 * count :]
    quality = struct.unpack_from("<q", payload, form.numbers[8])[0]
    struct.pack_into("<q", cut, form.numbers[8], quality - 8 * count)
    size = struct.unpack_from("<q", payload, form.numbers[1])[0]
    struct.pack_into("<q", cut, form.numbers[1], size - 8 * count)
    slow = alone(bytes(cut))
    fast = decoder()
    fast.decode(Records.of([(1, 1000, payload)]))
    same(fast.decode(Records.of([(7, 1000, bytes(cut))])), slow)


@pytest.mark.parametrize(
    "columns",
    [
        whole(table(channel=dictionary([*IDS[:3]], pa.int8(), pa.string()))),
        KINDS["plain"],  # has a null
    ],
    ids=["dictionary", "null"],
)
def test_what_is_not_plain_teaches_no_form(columns: pa.Table) -> None:
    assert form_of(stream(columns)) is None
    assert not read_in_place(taught("plain"), stream(columns))


def test_two_batches_or_none_teach_no_form() -> None:
    assert form_of(stream(whole(KINDS["plain"]), rows=2)) is None
    assert form_of(stream(whole(KINDS["plain"]).slice(0, 0))) is None


def test_a_head_whose_numbers_overlap_what_says_where_they_are_teaches_no_form() -> None:
    payload = bytearray(stream(whole(KINDS["plain"])))
    form = form_of(bytes(payload))
    assert form is not None
    # Every word of the metadata in turn takes the place of another one's neighbour.
    taught_by = 0
    for at in range(len(form.head) - 200, len(form.head) - 8, 2):
        trial = payload.copy()
        trial[at : at + 2] = b"\x08\x00"
        try:
            taught_by += form_of(bytes(trial)) is not None
        except ValueError:
            continue
    assert taught_by < 95


def test_limits_hold_for_streams_read_in_place() -> None:
    payload = stream(whole(KINDS["plain"]))
    for limits in (DecodeLimits(readings_per_message=2), DecodeLimits(message_bytes=100)):
        forms = Forms(TABLE, limits)
        forms.learn(payload)
        assert not read_in_place(forms, payload)


def test_the_oldest_form_gives_way() -> None:
    forms = Forms(TABLE, DecodeLimits())
    first = whole(KINDS["plain"])
    forms.learn(stream(first))
    for i in range(8):
        assert read_in_place(forms, stream(first))
        forms.learn(stream(first.replace_schema_metadata({"writer": f"{i}"})))
    assert not read_in_place(forms, stream(first))
