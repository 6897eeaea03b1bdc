"""`id_hash` of many channels at once: BLAKE2b of 8 bytes, over Arrow buffers."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from ingest.id_table import Texts, texts
from ingest.pointers import address_of, byte_at, word_at

_START: Final = np.array(
    [
        0x6A09E667F3BCC908 ^ 0x01010008,  # digests of 8 bytes, no key, one leaf
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_PLAIN: Final = np.array([*_START]) ^ np.array([0x01010008, *[0] * 7], np.uint64)
_SIGMA: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.uint64,  # no test for places that count from the end
)
_ROUNDS: Final = 12
_BLOCK: Final = 128
_WORD: Final = 8


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _turned(word: Any, by: int) -> Any:
    """A word whose bits have moved right, those that leave coming back at the left."""
    return word >> np.uint64(by) | word << np.uint64(64 - by)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _mix(v: Any, places: tuple[int, int, int, int], x: Any, y: Any) -> None:
    """The mixing function G of section 3.1, on four words of `v`."""
    a, b, c, d = v[places[0]], v[places[1]], v[places[2]], v[places[3]]
    a = a + b + x
    d = _turned(d ^ a, 32)
    c += d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c += d
    v[places[0]], v[places[1]], v[places[2]], v[places[3]] = a, _turned(b ^ c, 63), c, d


@njit(cache=True, nogil=True, error_model="numpy")
def _rounds(v: NDArray[np.uint64], m: NDArray[np.uint64]) -> None:
    """Twelve rounds of columns, then diagonals."""
    for turn in range(_ROUNDS):
        s = _SIGMA[turn % 10]
        _mix(v, (0, 4, 8, 12), m[s[0]], m[s[1]])
        _mix(v, (1, 5, 9, 13), m[s[2]], m[s[3]])
        _mix(v, (2, 6, 10, 14), m[s[4]], m[s[5]])
        _mix(v, (3, 7, 11, 15), m[s[6]], m[s[7]])
        _mix(v, (0, 5, 10, 15), m[s[8]], m[s[9]])
        _mix(v, (1, 6, 11, 12), m[s[10]], m[s[11]])
        _mix(v, (2, 7, 8, 13), m[s[12]], m[s[13]])
        _mix(v, (3, 4, 9, 14), m[s[14]], m[s[15]])


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(m: NDArray[np.uint64], data: int, at: int, size: int) -> None:
    """The next block: so many bytes as words, the rest zeros."""
    for k in range(16):
        m[k] = 0
        if (k + 1) * _WORD <= size:
            m[k] = word_at(data, at + k * _WORD)
        else:
            for j in range(k * _WORD, size):
                m[k] |= np.uint64(byte_at(data, at + j)) << np.uint64(8 * (j - k * _WORD))


@njit(cache=True, nogil=True, error_model="numpy")
def _hash(data: int, begin: int, end: int, room: Any) -> Any:
    """Hash of some bytes; `room` is (state, block, work): uint64 of 8, 16 and 16."""
    h, m, v = room
    h[:] = _START
    at = begin
    while True:
        size = min(end - at, _BLOCK)
        _fill(m, data, at, size)
        at += size
        v[:8] = h
        v[8:] = _PLAIN
        v[12] ^= np.uint64(at - begin)
        if at == end:
            v[14] = ~v[14]
        _rounds(v, m)
        for k in range(8):
            h[k] ^= v[k] ^ v[k + 8]
        if at == end:
            return h[0]


@njit(cache=True, nogil=True, error_model="numpy")
def _hashes(ids: Texts, out: NDArray[np.uint64]) -> None:
    data, bounds = address_of(ids[0]), ids[1]
    room = (np.zeros(8, np.uint64), np.zeros(16, np.uint64), np.zeros(16, np.uint64))
    for i in range(len(out)):
        out[i] = _hash(data, np.int64(bounds[i]), np.int64(bounds[i + 1]), room)


def id_hashes(ids: pa.ChunkedArray) -> NDArray[np.uint64]:
    """`contracts.catalogue.id_hash` of every id, shape (len(ids),).

    Parameters
    ----------
    ids : pa.ChunkedArray
        `string` without nulls.

    References
    ----------
    M.-J. Saarinen, J.-P. Aumasson: The BLAKE2 Cryptographic Hash, RFC 7693 (2015).

    Examples
    --------
    >>> hex(id_hashes(pa.chunked_array([["water.dma-0417.pressure"]]))[0])
    '0x71d39f1589fdd27c'
    """
    out = np.empty(len(ids), np.uint64)
    first = 0
    for chunk in ids.chunks:
        _hashes(texts(chunk), out[first : first + len(chunk)])
        first += len(chunk)
    return out
