"""Entries of the ledger: the bytes of a record as they are hashed, and bundles of them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from contracts.ports.projection import TopicRecord

ENTRY_BYTES_MAX: Final = 0xFFFF  # a bundle gives lengths in two bytes (C2SP tlog-tiles)
HEADER_BYTES_MAX: Final = (
    8 << 10
)  # above six bytes for each of a key, which is as it is when escaped
KEY_BYTES_MAX: Final = 1 << 10
KIND_MAX: Final = 64
LENGTH_BYTES: Final = 2
VALUE_BYTES_MAX: Final = ENTRY_BYTES_MAX - HEADER_BYTES_MAX
PLACES_KEPT: Final = 4_096  # partitions and kinds whose part of a header is kept


class EntryHeader(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What stands before the value of a record in its entry; sorted, as the fields are written.

    Parameters
    ----------
    key : str or None
        As text; `sha256:DIGEST` for one that is no UTF-8, or longer than `KEY_BYTES_MAX`.
    kind : str
        Of the record's header `tocsin`.
    offset, partition : int
    sha256, size : str or None, int
        Of a value too large for an entry, which is left out: hex digest, and bytes.
    time_ms : int
        Stamp of the log, milliseconds since 1970 UTC.
    tombstone : bool
        Whether the record has no value.
    topic : str
    """

    key: str | None = None
    kind: str = ""
    offset: int
    partition: int
    sha256: str | None = None
    size: int = 0
    time_ms: int
    tombstone: bool = False
    topic: str


class Entry(NamedTuple):
    """An entry taken apart: its header, and the value as it lay in the log."""

    header: EntryHeader
    value: bytes

    @property
    def place(self) -> str:
        """Where the record lies, as commands name it: `TOPIC:PARTITION:OFFSET`."""
        return f"{self.header.topic}:{self.header.partition}:{self.header.offset}"


_length: Final = Struct(">H").pack
_DECODER: Final = msgspec.json.Decoder(EntryHeader)
_ENCODER: Final = msgspec.json.Encoder()


def encode_entry(record: TopicRecord) -> bytes:
    """Canonical bytes of a record: its header as JSON, a line end, and the value as it is.

    The header is in the canonical form of RFC 8785: keys sorted, no blanks. A value that does not
    fit into an entry is there by its digest.

    Examples
    --------
    >>> record = TopicRecord("tocsin.alarms.water", 3, 7, 5000, b"a-1", b'{"id":"a-1"}', "alarm")
    >>> print(encode_entry(record).decode())
    {"key":"a-1","kind":"alarm","offset":7,"partition":3,"time_ms":5000,"topic":"tocsin.alarms.water"}
    {"id":"a-1"}
    """
    (entry,) = encode_entries([record])
    return entry


def encode_entries(records: Iterable[TopicRecord]) -> Iterator[bytes]:
    """Canonical bytes of many records; what is the same for all of a partition is written once."""
    place: tuple[str, int, str] | None = None
    kinded = parted = ended = ""
    for record in records:
        topic, partition, offset, time_ms, key, value, kind = record
        if key is None or value is None or len(value) >= VALUE_BYTES_MAX:
            yield _rare_entry(record)
            continue
        if place != (topic, partition, kind):
            place = topic, partition, kind
            kinded, parted, ended = _around(*place)
        name = _text(_key(key))
        header = f'{{"key":{name}{kinded}{offset}{parted}{time_ms}{ended}'
        yield header.encode() + value


@lru_cache(PLACES_KEPT)
def _around(topic: str, partition: int, kind: str) -> tuple[str, str, str]:
    """What of a header stands before its offset, before its stamp and behind that."""
    kinded = f',"kind":{_text(kind[:KIND_MAX])}' if kind else ""
    parted = f',"partition":{partition},"time_ms":'
    return f'{kinded},"offset":', parted, f',"topic":{_text(topic)}}}\n'


def _text(text: str | None) -> str:
    return _ENCODER.encode(text).decode()


def _rare_entry(record: TopicRecord) -> bytes:
    """An entry whatever the record lacks, or is too large for."""
    topic, partition, offset, time_ms, key, value, kind = record
    header = EntryHeader(
        topic=topic,
        partition=partition,
        offset=offset,
        time_ms=time_ms,
        kind=kind[:KIND_MAX],
        key=_key(key),
    )
    if value is None:
        header, value = replace(header, tombstone=True), b""
    elif len(value) >= VALUE_BYTES_MAX:
        digest = hashlib.sha256(value).hexdigest()
        header, value = replace(header, sha256=digest, size=len(value)), b""
    return b"%b\n%b" % (_ENCODER.encode(header), value)


def _key(key: bytes | None) -> str | None:
    if key is None:
        return None
    try:
        return key.decode() if len(key) <= KEY_BYTES_MAX else _digest(key)
    except UnicodeDecodeError:
        return _digest(key)


def _digest(key: bytes) -> str:
    return f"sha256:{hashlib.sha256(key).hexdigest()}"


def decode_entry(data: bytes) -> Entry:
    """An entry from its bytes; `msgspec.DecodeError` when they are none."""
    header, _, value = data.partition(b"\n")
    return Entry(_DECODER.decode(header), value)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries one behind the other, each with its length before it."""
    pieces = [b""] * (2 * len(entries))
    pieces[::2] = map(_length, map(len, entries))
    pieces[1::2] = entries
    return b"".join(pieces)


def split_bundle(data: bytes) -> tuple[list[bytes], int]:
    """Entries of a bundle that are whole, and the byte behind the last of them."""
    entries, place = [], 0
    while place < len(data):
        begin = place + LENGTH_BYTES
        end = begin + int.from_bytes(data[place:begin], "big")
        if end > len(data):
            break
        entries.append(data[begin:end])
        place = end
    return entries, place
