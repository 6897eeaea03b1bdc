"""Merkle tree of RFC 6962: hashes, proofs and their verification, over any source of nodes."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
# Begun hashes: a copy of one takes half the time of a new one.
_LEAF: Final = hashlib.sha256(b"\x00")
_NODE: Final = hashlib.sha256(b"\x01")
EMPTY_ROOT: Final = hashlib.sha256().digest()

# Root of the perfect subtree of 2**level leaves that begins at leaf `index * 2**level`.
Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry: 0x00 before it, so that no leaf can be passed off as an inner node."""
    begun = _LEAF.copy()
    begun.update(entry)
    return begun.digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hashes of entries, as `leaf_hash` makes them, without a call for each."""
    copy, found = _LEAF.copy, list[bytes]()
    for entry in entries:
        begun = copy()
        begun.update(entry)
        found.append(begun.digest())
    return found


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: 0x01 before its two children."""
    begun = _NODE.copy()
    begun.update(left + right)
    return begun.digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of subtrees of equal height."""
    copy, level = _NODE.copy, hashes
    while len(level) > 1:
        above = []
        for i in range(0, len(level), 2):
            begun = copy()
            begun.update(level[i] + level[i + 1])
            above.append(begun.digest())
        level = above
    return level[0]


def peaks(hashes: Sequence[bytes]) -> Iterator[bytes]:
    """Roots of the perfect subtrees that hashes of one level make, the largest first."""
    begin = 0
    while begin < len(hashes):
        width = 1 << ((len(hashes) - begin).bit_length() - 1)
        yield perfect_root(hashes[begin : begin + width])
        begin += width


def folded(summits: Sequence[bytes]) -> bytes:
    """Root of a tree from the peaks of all its levels, the largest first."""
    if not summits:
        return EMPTY_ROOT
    *rest, root = summits
    for peak in reversed(rest):
        root = node_hash(peak, root)
    return root


def root_of(node: Node, begin: int, end: int) -> bytes:
    """Root over the leaves `begin` to `end`, `end` not included, as a tree of their own.

    Parameters
    ----------
    node : callable
    begin, end : int
        `begin` is a multiple of the largest power of two that is at most `end - begin`.

    References
    ----------
    RFC 6962 section 2.1, Merkle hash trees.
    """
    count = end - begin
    if not count:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(root_of(node, begin, middle), root_of(node, middle, end))


def _split(count: int) -> int:
    """The largest power of two smaller than a count of at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Audit path of one leaf in the tree of the first `size` leaves, lowest node first.

    References
    ----------
    RFC 6962 section 2.1.1, Merkle audit paths.
    """

    def path(begin: int, end: int) -> list[bytes]:
        if end - begin == 1:
            return []
        middle = begin + _split(end - begin)
        if index < middle:
            return [*path(begin, middle), root_of(node, middle, end)]
        return [*path(middle, end), root_of(node, begin, middle)]

    return path(0, size)


def consistency_proof(node: Node, old: int, new: int) -> list[bytes]:
    """Proof that the tree of the first `new` leaves begins with that of the first `old`.

    Parameters
    ----------
    node : callable
    old, new : int
        Sizes, `0 <= old <= new`.

    References
    ----------
    RFC 6962 section 2.1.2, Merkle consistency proofs.
    """

    def proof(begin: int, end: int, known: bool) -> list[bytes]:
        if end == old:
            return [] if known else [root_of(node, begin, end)]
        middle = begin + _split(end - begin)
        if old <= middle:
            return [*proof(begin, middle, known), root_of(node, middle, end)]
        return [*proof(middle, end, known=False), root_of(node, begin, middle)]

    return [] if old in {0, new} else proof(0, new, known=True)


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to, None for a path of another length.

    References
    ----------
    RFC 9162 section 2.1.3.2, verifying an inclusion proof.
    """
    place, last, root = index, size - 1, leaf
    for step in path:
        if not last:
            return None
        if place & 1 or place == last:
            root = node_hash(step, root)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, step)
        place, last = place >> 1, last >> 1
    return None if last else root


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether a consistency proof leads from one (size, root) to another.

    References
    ----------
    RFC 9162 section 2.1.4.2, verifying consistency between two tree heads.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size == 0 or old_size >= new_size:
        same = old_root == (EMPTY_ROOT if old_size == 0 else new_root)
        return not path and same and old_size <= new_size
    steps = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not steps:
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    begins = ends = steps[0]
    for step in steps[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            begins, ends = node_hash(step, begins), node_hash(step, ends)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            ends = node_hash(ends, step)
        place, last = place >> 1, last >> 1
    return not last and begins == old_root and ends == new_root
