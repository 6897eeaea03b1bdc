"""The tree as files: tiles of 256 hashes and bundles of 256 entries, laid out as C2SP says."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

from contracts.errors import Damaged
from sinks.ledger.entry import encode_bundle, split_bundle
from sinks.ledger.files import Files
from sinks.ledger.merkle import HASH_BYTES, folded, leaf_hashes, peaks, perfect_root

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
ENTRIES: Final = "entries"
CHECKPOINT: Final = "checkpoint"
TILES_KEPT: Final = 4_096  # 32 MB of hashes, for proofs


def tile_name(level: int | str, index: int, width: int = WIDTH) -> str:
    """Name of a tile, or of a bundle where the level is `entries`.

    References
    ----------
    C2SP tlog-tiles, Merkle tree and log entries.

    Examples
    --------
    >>> tile_name(0, 1_234_067), tile_name("entries", 5, 17)
    ('tile/0/x001/x234/067', 'tile/entries/005.p/17')
    """
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{place}{'' if width == WIDTH else f'.p/{width}'}"


def levels(size: int) -> int:
    """How many levels of tiles a tree has."""
    return max(-(-size.bit_length() // HEIGHT), 1) if size else 0


def width_of(level: int, index: int, size: int) -> int:
    """Hashes in a tile of a tree, 0 when it has no such tile."""
    return min(max((size >> (HEIGHT * level)) - index * WIDTH, 0), WIDTH)


class Tiles:
    """Hashes and entries of a tree that is there; whatever is asked for must lie within it.

    Parameters
    ----------
    files : Files
    size : int
        Entries of the tree.
    """

    def __init__(self, files: Files, size: int) -> None:
        self._files = files
        self.size = size
        self.hashes = lru_cache(TILES_KEPT)(self._hashes)

    def _hashes(self, level: int, index: int) -> list[bytes]:
        """Hashes of a tile.

        Raises
        ------
        Damaged
            When its file is not there or of another length.
        """
        width = width_of(level, index, self.size)
        name = tile_name(level, index, width)
        data = self._files.get(name)
        if data is None or len(data) != width * HASH_BYTES:
            got = "no file" if data is None else f"{len(data)} bytes"
            msg = f"{name}: expected {width} hashes in {width * HASH_BYTES} bytes, got {got}"
            raise Damaged(msg)
        return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]

    def entries(self, index: int) -> list[bytes]:
        """Entries of a bundle.

        Raises
        ------
        Damaged
            When its file is not there or holds another number.
        """
        width = width_of(0, index, self.size)
        name = tile_name(ENTRIES, index, width)
        data = self._files.get(name)
        if data is None:
            msg = f"{name}: expected {width} entries, got no file"
            raise Damaged(msg)
        found, end = split_bundle(data)
        if len(found) != width or end != len(data):
            msg = (
                f"{name}: expected {width} entries in {len(data)} bytes, got {len(found)} in the "
                f"first {end}"
            )
            raise Damaged(msg)
        return found

    def edge(self) -> list[list[bytes]]:
        """Hashes of the last tile of each level that is not full, lowest first."""
        return [self.partial(level) for level in range(levels(self.size))]

    def partial(self, level: int) -> list[bytes]:
        """Hashes behind the last full tile of a level."""
        hashes = self.size >> (HEIGHT * level)
        return self.hashes(level, hashes // WIDTH) if hashes % WIDTH else []

    def node(self, level: int, index: int) -> bytes:
        """Root of the perfect subtree of 2**level leaves that begins at leaf index * 2**level."""
        tile_level, inside = divmod(level, HEIGHT)
        first, width = index << inside, 1 << inside
        tile, begin = divmod(first, WIDTH)
        return perfect_root(self.hashes(tile_level, tile)[begin : begin + width])


def edge_root(edge: Sequence[Sequence[bytes]]) -> bytes:
    """Root of a tree from what is behind the last full tile of each level, lowest first."""
    return folded([peak for hashes in reversed(edge) for peak in peaks(hashes)])


class Growth:
    """The right edge of a tree, to which entries are added.

    Parameters
    ----------
    tiles : Tiles
        The tree so far.
    """

    def __init__(self, tiles: Tiles) -> None:
        self.size = tiles.size
        self._edge = tiles.edge()
        self._bundle = tiles.entries(self.size // WIDTH) if self.size % WIDTH else []

    @property
    def root(self) -> bytes:
        """Root over everything added."""
        return edge_root(self._edge)

    def add(self, entries: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
        """Add entries; the files that hold what is new, full ones first, by name.

        Each comes as soon as it is whole; the tree has grown when all have come.
        """
        grown: set[int] = set()
        # As many at once as fit into the last bundle, which the processor's cache holds.
        while some := list(islice(entries, WIDTH - len(self._bundle))):
            self.size += len(some)
            self._bundle += some
            if len(self._bundle) == WIDTH:
                yield tile_name(ENTRIES, self.size // WIDTH - 1), encode_bundle(self._bundle)
                self._bundle = []
            yield from self._grow(0, leaf_hashes(some), grown)
        if self._bundle and grown:
            name = tile_name(ENTRIES, self.size // WIDTH, len(self._bundle))
            yield name, encode_bundle(self._bundle)
        for level in sorted(grown):
            if hashes := self._edge[level]:
                index = (self.size >> (HEIGHT * level)) // WIDTH
                yield tile_name(level, index, len(hashes)), b"".join(hashes)

    def _grow(self, level: int, added: list[bytes], grown: set[int]) -> Iterator[tuple[str, bytes]]:
        """Add hashes to the last tile of a level; a full one gives its root to the level above."""
        if level == len(self._edge):
            self._edge.append([])
        hashes = self._edge[level]
        hashes += added
        grown.add(level)
        if len(hashes) < WIDTH:
            return
        index = (self.size >> (HEIGHT * level)) // WIDTH - 1
        yield tile_name(level, index), b"".join(hashes)
        self._edge[level] = []
        yield from self._grow(level + 1, [perfect_root(hashes)], grown)


def partial_names(size: int) -> list[str]:
    """Names of the tiles and of the bundle of a tree that are not full."""
    found = []
    for level in range(levels(size)):
        hashes = size >> (HEIGHT * level)
        if width := hashes % WIDTH:
            found.append(tile_name(level, hashes // WIDTH, width))
            if level == 0:
                found.append(tile_name(ENTRIES, hashes // WIDTH, width))
    return found
