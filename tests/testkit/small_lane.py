"""What the tests of decoding share: a small lane, and its decoder."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from contracts.batch import Batch
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder

IDS = ["a", "b", "water.dma-0417.pressure", "drain.ünder-桥.level", 'quo"ted\\']
ROW_OF = {channel: row for row, channel in enumerate(IDS)}
SCALE = np.array([2.0, 10.0, 1.0, 0.1, -2.5])
OFFSET = np.array([0.0, 1.0, 0.0, 273.15, 1.0])


def decode(*payloads: bytes | None, limits: DecodeLimits | None = None) -> Batch:
    rows = [(1841 + i, 1000, payload) for i, payload in enumerate(payloads)]
    decoder = Decoder(pa.array(list(ROW_OF)), SCALE, OFFSET, limits or DecodeLimits())
    return decoder.decode(Records.of(rows))


def refusal(*payloads: bytes | None, limits: DecodeLimits | None = None) -> tuple[str, str]:
    """Reason and detail of the one refused message."""
    batch = decode(*payloads, limits=limits)
    ((record, reason, detail),) = batch.refused
    assert not len(batch)
    assert type(reason) is str
    assert record == len(payloads) - 1
    return reason, detail


def reading(**changes: object) -> dict[str, Any]:
    plain = {"channel": "water.dma-0417.pressure", "time": "2026-03-01T08:00:00.250Z", "value": 0.5}
    return {**plain, **changes}


def body(*readings: object) -> bytes:
    return json.dumps(readings).encode()
