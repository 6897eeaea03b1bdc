"""JSON readings: no message raises, and the compiled scan agrees with msgspec."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pyarrow as pa

from contracts.batch import Batch, Refused
from contracts.errors import DecodeError
from contracts.records import Records
from ingest.columns import Columns, nothing
from ingest.decode import DecodeLimits, Decoder
from ingest.id_table import IdTable
from ingest.json.reading import JsonRun

IDS = ("a", "b", "water.dma-0417.pressure", "drain.ünder-桥.level", 'quo"ted\\')
OFFSET = 1841
_JSON = (b"{", b"[")
_SPACE = b" \t\n\r"


def seeds() -> Mapping[str, bytes]:
    """One reading, and an array of them."""
    one = b'{"channel": "a", "time": "2026-03-01T08:00:00.25+08:00", "value": -1.5e-3}'
    two = '{"quality":"bad","time":1772323200000,"value":null,"channel":"drain.ünder-桥.level"}'
    odd = b'{"channel":"quo\\"ted\\\\","time":"1970-01-01t00:00:00z","value":123456789012345678}'
    return {"one": one, "array": b"[" + two.encode() + b" ,\n" + one + b"]", "odd": odd}


@cache
def _parts() -> tuple[Decoder, IdTable, DecodeLimits]:
    ids, limits = pa.array(list(IDS)), DecodeLimits(readings_per_message=40, channel_bytes=64)
    return Decoder(ids, np.ones(1), np.zeros(1), limits), IdTable(ids), limits


def check(data: bytes) -> None:
    """Decode a message with all that is there, and with msgspec alone."""
    decoder, table, limits = _parts()
    records = Records.of([(OFFSET, 1000, data)])
    batch = decoder.decode(records)
    assert len(batch.refused) == (0 if len(batch) else 1)
    if not data.lstrip(_SPACE).startswith(_JSON):
        return
    plain = _plainly(data, records, table, limits)
    assert batch.refused == sorted(plain.refused)
    _assert_same(batch, plain)


def _plainly(data: bytes, records: Records, table: IdTable, limits: DecodeLimits) -> Columns:
    run = JsonRun(table, limits, records.offset)
    try:
        run.add(0, data)
    except DecodeError as error:
        return nothing(Refused(0, str(error.reason), error.detail))
    return run.take()


def _assert_same(batch: Batch, plain: Columns) -> None:
    for name in ("record", "row", "time_ns", "quality"):
        assert getattr(batch, name).tolist() == getattr(plain, name).tolist(), name
    assert np.array_equal(batch.value, plain.raw, equal_nan=True)
    assert batch.unknown_id == plain.unknown_id
