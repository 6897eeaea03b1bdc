"""Arrow streams: no message raises, and the compiled scan agrees with pyarrow."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pyarrow as pa

from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder

IDS = ("a", "b", "c")
LIMITS = DecodeLimits(readings_per_message=40, batches_per_message=4, channel_bytes=64)


def seeds() -> Mapping[str, bytes]:
    """Streams of each shape that readings come in."""
    words = pa.array(["a", "b", "c"])
    times = pa.array([1000, 2000, 3000], pa.timestamp("ms", "UTC"))
    values = pa.array([1.0, 2.0, 3.0])
    plain = pa.table({"channel": words, "time": times, "value": values})
    marked = plain.append_column("quality", pa.array([0, 1, 2], pa.uint8()))
    coded = plain.set_column(0, "channel", words.dictionary_encode())
    return {"plain": _stream(plain), "marked": _stream(marked), "coded": _stream(coded)}


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _decoder() -> Decoder:
    return Decoder(pa.array(list(IDS)), np.ones(1), np.zeros(1), LIMITS)


@cache
def _learned() -> Decoder:
    """A decoder that knows the seeds' forms, and reads others like them by the compiled scan."""
    decoder = _decoder()
    for i, body in enumerate(seeds().values()):
        decoder.decode(Records.of([(i, 1000, body)]))
    return decoder


def check(data: bytes) -> None:
    """Decode a message as one of a form that is known, and as the first of its kind."""
    records = Records.of([(7, 1000, data)])
    known, new = _learned().decode(records), _decoder().decode(records)
    assert len(new.refused) == (0 if len(new) else 1)
    assert known.refused == new.refused
    for name in ("record", "row", "time_ns", "quality"):
        assert getattr(known, name).tolist() == getattr(new, name).tolist(), name
    assert np.array_equal(known.value, new.value, equal_nan=True)
    assert known.unknown_id == new.unknown_id
