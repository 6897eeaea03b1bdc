"""Compressed record batches into memory of a fixed size: what would grow larger ends here."""

import struct
from collections.abc import Callable
from typing import Any, Final

import cramjam
from numpy.typing import NDArray

__all__ = ["CODECS", "InflateError", "inflate"]

# The mark, the version of the framing and the oldest one that can read it; both are 1 everywhere.
_XERIAL: Final = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
_SIZE: Final = struct.Struct(">i")

Bytes = bytes | memoryview


class InflateError(ValueError):
    """Damaged, of an unknown codec, or larger than the room there is."""


def inflate(codec: int, packed: Bytes, room: NDArray[Any]) -> int:
    """Inflate into `room` and count the bytes; what it becomes has no other place to go.

    A codec's own window is extra, and bounded by the codec: 128 MiB at most, for zstd.

    Parameters
    ----------
    codec : int
        As a record batch names it: a key of `CODECS`.
    packed : bytes or memoryview
        What was compressed.
    room : uint8, shape (n,)
        Where it goes; `n` is the most that it may become.

    Raises
    ------
    InflateError
        For anything but a sound input that fits.

    Examples
    --------
    >>> import numpy as np
    >>> room = np.zeros(8, np.uint8)
    >>> inflate(3, bytes(cramjam.lz4.compress(b"abc")), room), bytes(room[:3])
    (3, b'abc')
    """
    if codec not in CODECS:
        msg = f"expected codec {sorted(CODECS)}, got {codec}"
        raise InflateError(msg)
    name, method = CODECS[codec]
    try:
        return method(packed, room)
    except (cramjam.DecompressionError, ValueError, struct.error) as error:
        msg = f"expected sound {name} of at most {len(room)} bytes, got {str(error)[:100]!r}"
        raise InflateError(msg) from None


def _snappy(packed: Bytes, room: NDArray[Any]) -> int:
    """Blocks as the Java library frames them, or one bare block."""
    view = memoryview(packed)
    if bytes(view[: len(_XERIAL)]) != _XERIAL:
        return _block(view, room)
    at, used = len(_XERIAL), 0
    while at < len(view):
        (size,) = _SIZE.unpack_from(view, at)
        at += _SIZE.size
        if size < 0 or at + size > len(view):
            msg = f"a block of {size} bytes where {len(view) - at} are left"
            raise ValueError(msg)
        used += _block(view[at : at + size], room[used:])
        at += size
    return used


def _block(packed: memoryview, room: Any) -> int:
    size = cramjam.snappy.decompress_raw_len(packed)
    if size > len(room):
        msg = f"a block that announces {size} bytes"
        raise ValueError(msg)
    return int(cramjam.snappy.decompress_raw_into(packed, room[:size])) if size else 0


def _into(method: Callable[[Any, Any], int]) -> Callable[[Bytes, NDArray[Any]], int]:
    return lambda packed, room: int(method(packed, room))


# By the number that a record batch carries.
CODECS: Final[dict[int, tuple[str, Callable[[Bytes, NDArray[Any]], int]]]] = {
    1: ("gzip", _into(cramjam.gzip.decompress_into)),
    2: ("snappy", _snappy),
    3: ("lz4", _into(cramjam.lz4.decompress_into)),
    4: ("zstd", _into(cramjam.zstd.decompress_into)),
}
