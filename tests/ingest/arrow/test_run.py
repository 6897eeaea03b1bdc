"""Arrow messages decoded together give what each gives alone."""

import random

import numpy as np
import pyarrow as pa
import pytest

from contracts.batch import Batch
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder

pytestmark = pytest.mark.slow

IDS = [f"water.tank-{i:02d}" for i in range(40)] + ["北"]
NOW_MS = 1_700_000_000_000


def message(chance: random.Random) -> bytes:
    """A stream of one to five readings; some with a fault, a stranger or another schema."""
    n = chance.randrange(1, 6)
    channel: list[str | None] = [chance.choice(IDS) for _ in range(n)]
    time_ms: list[int] = [NOW_MS + chance.randrange(1000) for _ in range(n)]
    trouble = chance.random()
    if trouble < 0.1:
        channel[-1] = chance.choice([None, "nobody", "x" * 300])
    elif trouble < 0.2:
        time_ms[-1] = -1
    columns = {
        "channel": pa.array(channel, chance.choice([pa.string()] * 4 + [pa.large_string()])),
        "time": pa.array(np.array(time_ms, "datetime64[ms]"), pa.timestamp("ms", "UTC")),
        "value": pa.array([chance.choice([1.5, None]) for _ in range(n)], pa.float64()),
    }
    if chance.random() < 0.2:
        columns["quality"] = pa.array([chance.randrange(4) for _ in range(n)], pa.uint8())
    if chance.random() < 0.1:
        columns["channel"] = columns["channel"].dictionary_encode()
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    body = bytearray(sink.getvalue())
    if chance.random() < 0.1:
        body[chance.randrange(len(body))] ^= 0xFF
    return bytes(body)


def rows_of(batch: Batch, base: int) -> list[tuple[object, ...]]:
    """Every reading and refusal, records counted from `base`."""
    readings = [
        (base + int(batch.record[i]), batch.unknown_id.get(i), *rest)
        for i, rest in enumerate(
            zip(
                batch.row.tolist(),
                batch.time_ns.tolist(),
                map(repr, batch.value.tolist()),
                batch.quality.tolist(),
                strict=True,
            )
        )
    ]
    return [*readings, *((base + r.record, r.reason, r.detail) for r in batch.refused)]


def test_messages_together_give_what_each_gives_alone() -> None:
    chance = random.Random(5)
    n = len(IDS)
    row_of = {channel: i for i, channel in enumerate(IDS)}
    decoder = Decoder(
        pa.array(list(row_of)), np.linspace(1, 2, n), np.linspace(0, 1, n), DecodeLimits()
    )
    good = refused = 0
    for _ in range(60):
        sent = [message(chance) for _ in range(chance.randrange(40))]
        if chance.random() < 0.5 and sent:
            sent[len(sent) // 2] = b'{"channel": "water.tank-01", "time": 5, "value": 1}'
        records: list[tuple[int, int, bytes | None]] = [
            (100 + 2 * i, NOW_MS, body) for i, body in enumerate(sent)
        ]
        together = decoder.decode(Records.of(records))
        alone = [
            row
            for i, record in enumerate(records)
            for row in rows_of(decoder.decode(Records.of([record])), i)
        ]
        assert sorted(rows_of(together, 0), key=repr) == sorted(alone, key=repr)
        assert (np.diff(together.record) >= 0).all()
        good += len(together)
        refused += len(together.refused)
    assert good > 1000
    assert refused > 100
