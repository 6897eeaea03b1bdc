"""Record batches as a broker sends them: bounded, and sound or refused."""

from collections.abc import Mapping

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ingest.kafka.record_batch import (
    CorruptBatchError,
    Gathered,
    Hidden,
    OldBatchError,
    UnsoundBatchError,
    walk,
)

ROOM = 64 << 10
ROWS = 4_096


def seeds() -> Mapping[str, bytes]:
    """A batch of each codec, and two side by side."""
    made = {f"codec-{codec}": _batch(codec) for codec in range(5)}
    return {**made, "two": made["codec-0"] + made["codec-1"]}


def _batch(codec: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, True, 7, 0, 0, ROOM)
    for i in range(3):
        builder.append(i, 1000 + i, b"key", b"v" * 30 * i, [("h", b"x")])
    return bytes(builder.build())


def check(data: bytes) -> None:
    """Walk and read all batches, whatever their checksums say."""
    hidden, gathered = Hidden([(7, 0)]), Gathered(ROOM)
    try:
        for batch in walk(data, check_crcs=False):
            if batch.records > ROWS or hidden.hides(batch):
                continue
            try:
                gathered.add(batch, 1)
            except UnsoundBatchError as error:
                gathered.set_aside(batch, 1, str(error))
    except (CorruptBatchError, OldBatchError):
        pass
    records = gathered.take(2**40)
    lengths = np.maximum(records.length, 0)
    assert ((records.start >= 0) & (records.start + lengths <= len(records.buffer))).all()
