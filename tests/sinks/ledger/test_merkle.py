"""The tree against RFC 6962's vectors, and against its definition, written down as it stands."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.ledger.merkle import (
    consistency_proof,
    folded,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    peaks,
    perfect_root,
    root_from_inclusion,
    root_of,
)

# Leaves and roots of the tests of Certificate Transparency, which all implementations share.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


class Nodes:
    """Nodes of a tree over leaves that are all there."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.hashes = [leaf_hash(leaf) for leaf in leaves]

    def __call__(self, level: int, index: int) -> bytes:
        return perfect_root(self.hashes[index << level : (index + 1) << level])


def split(count: int) -> int:
    """The largest power of two smaller than a count."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def plain_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*plain_path(m, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(m - k, leaves[k:]), plain_root(leaves[:k])]


def plain_subproof(m: int, leaves: Sequence[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962."""
    if m == len(leaves):
        return [] if known else [plain_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*plain_subproof(m, leaves[:k], known), plain_root(leaves[k:])]
    return [*plain_subproof(m - k, leaves[k:], known=False), plain_root(leaves[:k])]


def test_roots_are_those_of_certificate_transparency() -> None:
    node = Nodes(LEAVES)
    assert [root_of(node, 0, n).hex() for n in range(1, 9)] == list(ROOTS)
    assert root_of(node, 0, 0) == hashlib.sha256(b"").digest()


leaves_of = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


@given(leaves_of)
def test_roots_equal_the_definition(leaves: list[bytes]) -> None:
    node = Nodes(leaves)
    assert root_of(node, 0, len(leaves)) == plain_root(leaves)
    assert folded(list(peaks(node.hashes))) == plain_root(leaves)


@given(leaves_of, st.data())
def test_a_leaf_is_proved_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(Nodes(leaves), index, size)
    assert path == plain_path(index, leaves)
    root, leaf = plain_root(leaves), leaf_hash(leaves[index])
    assert root_from_inclusion(leaf, index, size, path) == root
    assert root_from_inclusion(leaf_hash(b"another leaf"), index, size, path) != root
    if path:
        assert root_from_inclusion(leaf, index, size, path[:-1]) != root
    assert root_from_inclusion(leaf, index, size, [*path, root]) != root


@given(leaves_of, st.data())
@settings(deadline=None)
def test_growth_is_proved_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    new = len(leaves)
    old = data.draw(st.integers(0, new))
    path = consistency_proof(Nodes(leaves), old, new)
    assert path == ([] if not old else plain_subproof(old, leaves, known=True))
    before, now = (old, plain_root(leaves[:old])), (new, plain_root(leaves))
    assert is_consistent(before, now, path)
    other = plain_root([*leaves[: max(old - 1, 0)], b"a leaf that was changed"])
    assert not is_consistent((old, other), now, path)
    assert not is_consistent(before, now, [*path, other])
    if old < new and path:
        assert not is_consistent(before, now, path[:-1])
        assert not is_consistent(now, before, path)


@pytest.mark.parametrize("sizes", [(1, 2), (3, 7), (6, 8), (8, 8)])
def test_proofs_between_two_sizes_hold_for_these_two_alone(sizes: tuple[int, int]) -> None:
    old, new = sizes
    path = consistency_proof(Nodes(LEAVES), old, new)
    holds = [
        (a, b)
        for a in range(1, 9)
        for b in range(a, 9)
        if is_consistent((a, plain_root(LEAVES[:a])), (b, plain_root(LEAVES[:b])), path)
    ]
    assert (old, new) in holds
    assert all(a == b for a, b in holds if (a, b) != (old, new))
