"""Home lanes of many groups at once: Kafka's own default partitioner, over Arrow buffers."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from aiokafka.partitioner import murmur2
from numba import njit
from numpy.typing import NDArray

from ingest.id_table import Texts, texts

_SEED: Final = np.uint32(0x9747B28C)
_M: Final = np.uint32(0x5BD1E995)
_POSITIVE: Final = np.uint32(0x7FFFFFFF)


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(word: Any) -> Any:
    word = np.uint32(word * _M)
    word ^= word >> np.uint32(24)
    return np.uint32(word * _M)


@njit(cache=True, nogil=True, error_model="numpy")
def _murmur2(data: NDArray[np.uint8], begin: int, end: int) -> Any:
    """MurmurHash2 of some bytes, 32 bits, with the seed that Kafka's clients share."""
    size = end - begin
    found = _SEED ^ np.uint32(size)
    whole = begin + size // 4 * 4
    for at in range(begin, whole, 4):
        word = np.uint32(0)
        for k in range(4):
            word |= np.uint32(data[at + k]) << np.uint32(8 * k)
        found = np.uint32(np.uint32(found * _M) ^ _mix(word))
    rest = end - whole
    if rest:
        for k in range(rest - 1, -1, -1):
            found ^= np.uint32(data[whole + k]) << np.uint32(8 * k)
        found = np.uint32(found * _M)
    found ^= found >> np.uint32(13)
    found = np.uint32(found * _M)
    found ^= found >> np.uint32(15)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _homes(groups: Texts, partitions: int, out: NDArray[np.int64]) -> None:
    data, bounds = groups
    for i in range(len(out)):
        found = _murmur2(data, np.int64(bounds[i]), np.int64(bounds[i + 1]))
        out[i] = np.int64(found & _POSITIVE) % partitions


def home_lanes(groups: pa.Array, partitions: int) -> NDArray[np.int64]:
    """Partition where each group lives: what Kafka's default partitioner gives for its key.

    Parameters
    ----------
    groups : pa.Array
        `string` or `large_string` without nulls.
    partitions : int

    Returns
    -------
    int64, shape (len(groups),)

    Examples
    --------
    >>> home_lanes(pa.array(["water.dma-0417", "water.dma-0418"]), 4).tolist()
    [0, 1]
    """
    out = np.empty(len(groups), np.int64)
    _homes(texts(groups), partitions, out)
    return out


def home_lane(group: str, partitions: int) -> int:
    """Partition where a group lives: what Kafka's own default partitioner gives for its key.

    >>> home_lane("water.dma-0417", 4)
    0
    """
    return int(murmur2(group.encode()) & 0x7FFFFFFF) % partitions
