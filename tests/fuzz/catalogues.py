"""Catalogues in CSV, YAML and Parquet: a table, or every mistake named."""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from configuration.catalogue.check import check_channels
from configuration.catalogue.read import read_channels
from configuration.yaml.findings import Findings

MEMORY = Path("/dev/shm")
SUFFIXES = {b"c": ".csv", b"p": ".parquet", b"y": ".yaml"}  # by the first byte of an input
CSV = """\
id,class,asset,group,scale,lon,tags
water.a,water.level,a,g,2.5,121.5,x y
water.b,water.level,b,g,,,
"""


def seeds() -> Mapping[str, bytes]:
    """The same channels in each form."""
    table = pa.table({name: ["water.a", "water.b"] for name in ("id", "class", "asset", "group")})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none")
    written = "- {id: water.a, class: water.level, asset: a, group: g, scale: 2.5}\n"
    return {
        "csv": b"c" + CSV.encode(),
        "parquet": b"p" + bytes(sink.getvalue()),
        "yaml": b"y" + written.encode(),
    }


@cache
def _folder() -> Path:
    """A folder in memory where there is one: on a disk a file took half of an input's time."""
    where = MEMORY if MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(prefix="tocsin-fuzz-", dir=where))


def check(data: bytes) -> None:
    """Read a catalogue from a file, and judge its channels."""
    path = _folder() / f"catalogue{SUFFIXES.get(data[:1], '.csv')}"
    path.write_bytes(data[1:])
    findings = Findings()
    channels = read_channels(path, "catalogue", findings)
    if channels is None:
        assert len(findings)
        return
    check_channels(channels, "water", frozenset({"water.level"}), findings)
