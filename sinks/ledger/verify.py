"""The whole store checked from its signed root down: what was changed, and where."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from contracts.errors import Damaged
from sinks.ledger.entry import LENGTH_BYTES, decode_entry, split_bundle
from sinks.ledger.files import Files
from sinks.ledger.ledger import KEPT, kept_name, positions_name, read_head, read_positions
from sinks.ledger.merkle import HASH_BYTES, leaf_hash, perfect_root, root_of
from sinks.ledger.note import Checkpoint, Verifier, read_checkpoint
from sinks.ledger.tiles import (
    CHECKPOINT,
    ENTRIES,
    HEIGHT,
    WIDTH,
    Tiles,
    edge_root,
    levels,
    tile_name,
    width_of,
)

SHOWN: Final = 3  # entries that are named of one bundle

Tile = tuple[int, int]  # level, index
Hashes = Mapping[Tile, list[bytes]]


def verify(files: Files, verifier: Verifier) -> Iterator[str]:
    """Everything that is wrong with a store, a line each; nothing when it is sound.

    Read from the signed root down: a tile counts when its root is what the tile above says, an
    entry when its hash is what its tile says. So what is named is what was changed, and not what
    was hashed over it.

    Parameters
    ----------
    files : Files
    verifier : Verifier
        Named by the ledger's origin.
    """
    try:
        head = read_head(files, verifier)
    except Damaged as error:
        yield str(error)
        return
    if head is None:
        yield f"{CHECKPOINT}: expected a signed checkpoint, got no file"
        return
    walk = _Walk(files, verifier, head)
    yield from walk.tree()
    yield from walk.kept()
    yield from walk.positions()


class _Walk:
    """One walk through a store.

    Parameters
    ----------
    files : Files
    verifier : Verifier
    head : Checkpoint
        What the key has signed.
    """

    def __init__(self, files: Files, verifier: Verifier, head: Checkpoint) -> None:
        self._files = files
        self._verifier = verifier
        self._head = head
        self._tiles = Tiles(files, head.size)
        self._behind: dict[tuple[str, int], int] = {}  # positions behind the entries so far

    def tree(self) -> Iterator[str]:
        """What is not as the signed root says."""
        size = self._head.size
        last = [(level, (size >> (HEIGHT * level)) // WIDTH) for level in range(levels(size))]
        edge = [tile for tile in last if width_of(*tile, size)]

        def is_signed(hashes: Hashes) -> bool:
            return edge_root([hashes[tile] for tile in edge]) == self._head.root

        yield from self._judged(edge[::-1], is_signed)

    def _judged(self, tiles: Sequence[Tile], fit: Callable[[Hashes], bool]) -> Iterator[str]:
        """Tiles that what lies above them bears out together, and all below them."""
        hashes = {tile: self._stored(tile) for tile in tiles}
        if not fit(hashes):
            made = {tile: self._made(tile) for tile in tiles}
            if fit(made):
                yield from _differences(hashes, made)
                hashes = made
            else:
                yield self._unfit(tiles)
        for level, index in tiles:
            below = hashes[level, index]
            if level == 0:
                yield from self._entries(index, below)
                continue
            for i, root in enumerate(below):
                yield from self._judged([(level - 1, index * WIDTH + i)], _with_root(root))

    def _stored(self, tile: Tile) -> list[bytes]:
        """Hashes of a tile as its file has them, none when it cannot be read."""
        try:
            return self._tiles.hashes(*tile)
        except Damaged:
            return []

    def _made(self, tile: Tile) -> list[bytes]:
        """Hashes of a tile from what lies below it, none when that cannot be read."""
        level, index = tile
        width = width_of(level, index, self._head.size)
        if level:
            below = [(level - 1, index * WIDTH + i) for i in range(width)]
            found = [self._stored(one) or self._made(one) for one in below]
            return [perfect_root(hashes) for hashes in found] if all(found) else []
        try:
            return [leaf_hash(entry) for entry in self._tiles.entries(index)]
        except Damaged:
            return []

    def _unfit(self, tiles: Sequence[Tile]) -> str:
        names = ", ".join(self._name(*tile) for tile in tiles)
        above = CHECKPOINT if len(tiles) > 1 or not self._is_full(tiles[0]) else "the tile above"
        return (
            f"{names}: expected the root that {above} gives, got another from the file and from "
            "what lies below it; both were changed, or cannot be read"
        )

    def _is_full(self, tile: Tile) -> bool:
        return width_of(*tile, self._head.size) == WIDTH

    def _name(self, level: int, index: int) -> str:
        return tile_name(level, index, width_of(level, index, self._head.size))

    def _entries(self, index: int, hashes: Sequence[bytes]) -> Iterator[str]:
        """What is wrong with a bundle whose hashes are these."""
        width = width_of(0, index, self._head.size)
        name = tile_name(ENTRIES, index, width)
        data = self._files.get(name)
        if data is None:
            yield f"{name}: expected {width} entries, got no file"
            return
        found, end = split_bundle(data)
        if len(found) != width or end != len(data):
            got = f"{len(found)} in the first {end} of {len(data)} bytes"
            yield f"{name}: expected {width} entries, got {got}"
        differ = [i for i, pair in enumerate(zip(found, hashes, strict=False)) if not _same(*pair)]
        for i in differ[:SHOWN]:
            byte = sum(LENGTH_BYTES + len(entry) for entry in found[:i])
            number = index * WIDTH + i
            yield (
                f"{name}: entry {number} ({_place(found[i])}) at byte {byte}: expected hash "
                f"{hashes[i].hex()}, got {leaf_hash(found[i]).hex()}; it was changed"
            )
        if len(differ) > SHOWN:
            yield f"{name}: {len(differ) - SHOWN} more entries were changed or moved"
        if not differ:
            yield from self._order(name, index, found)

    def _order(self, name: str, index: int, entries: Sequence[bytes]) -> Iterator[str]:
        """Entries of one partition whose offsets do not rise: a record that is there twice."""
        for i, data in enumerate(entries):
            header = decode_entry(data).header
            where = header.topic, header.partition
            if header.offset < self._behind.get(where, 0):
                yield (
                    f"{name}: entry {index * WIDTH + i} ({_place(data)}): expected an offset from "
                    f"{self._behind[where]} on, got {header.offset}; its writer has signed it twice"
                )
            self._behind[where] = header.offset + 1

    def kept(self) -> Iterator[str]:
        """Checkpoints of earlier days that are not those of this tree."""
        for size in sorted(self._files.names(KEPT), key=lambda name: (len(name), name)):
            name = f"{KEPT}/{size}"
            try:
                old = read_checkpoint(self._files.get(name) or b"", self._verifier, name)
                if kept_name(old.size) != name or old.size > self._head.size:
                    most = min(int(size) if size.isdigit() else 0, self._head.size)
                    yield f"{name}: expected one of at most {most} entries, got one of {old.size}"
                elif (root := root_of(self._tiles.node, 0, old.size)) != old.root:
                    yield (
                        f"{name}: expected the first {old.size} entries to have the root "
                        f"{old.root.hex()}, got {root.hex()}; some of them were changed since"
                    )
            except Damaged as error:
                yield str(error)

    def positions(self) -> Iterator[str]:
        """Positions that are not those behind the entries."""
        size = self._head.size
        try:
            told = read_positions(self._files, self._verifier, size)
        except Damaged as error:
            yield str(error)
            return
        for place, behind in sorted(self._behind.items()):
            if told.get(place, 0) < behind:
                yield (
                    f"{positions_name(size)}: expected {place[0]}[{place[1]}] at {behind} or "
                    f"behind, got {told.get(place, 0)}; its records would be taken twice"
                )


def _with_root(root: bytes) -> Callable[[Hashes], bool]:
    """Whether the one tile that is given has a root."""

    def fits(hashes: Hashes) -> bool:
        (tile,) = hashes.values()
        return len(tile) == WIDTH and perfect_root(tile) == root

    return fits


def _differences(stored: Hashes, made: Hashes) -> Iterator[str]:
    for (level, index), right in made.items():
        name, got = tile_name(level, index, len(right)), stored[level, index]
        if not got:
            size = len(right) * HASH_BYTES
            yield f"{name}: expected {len(right)} hashes in {size} bytes, got another file or none"
        for i, pair in enumerate(zip(right, got, strict=False)):
            if pair[0] != pair[1]:
                yield (
                    f"{name}: hash {i} at byte {i * HASH_BYTES}: expected {pair[0].hex()}, got "
                    f"{pair[1].hex()}; the tile was changed"
                )


def _same(entry: bytes, expected: bytes) -> bool:
    return leaf_hash(entry) == expected


def _place(entry: bytes) -> str:
    """Where the record of an entry lies, as far as it can still be read."""
    try:
        return decode_entry(entry).place
    except (msgspec.DecodeError, ValueError):
        return "unreadable"
