"""Proofs from a ledger's store that others can check without it, and their check."""

import base64
from collections.abc import Callable, Iterator, Sequence

import msgspec

from contracts.errors import Damaged, FatalError
from sinks.ledger.entry import Entry, decode_entry
from sinks.ledger.files import Files
from sinks.ledger.ledger import read_head
from sinks.ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    root_from_inclusion,
    root_of,
)
from sinks.ledger.note import Checkpoint, Verifier, read_checkpoint
from sinks.ledger.tiles import CHECKPOINT, WIDTH, Tiles


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That a record is an entry of a ledger.

    Parameters
    ----------
    place : str
        Where the record lay: `TOPIC:PARTITION:OFFSET`.
    index : int
        Number of the entry.
    entry : str
        Its bytes, base64.
    leaf_hash : str
        SHA-256 of 0x00 and the entry, base64.
    path : list of str
        Audit path to the checkpoint's root (RFC 6962), base64, lowest node first.
    checkpoint : str
        Signed note (C2SP tlog-checkpoint).
    verifier : str
        Key that the note is signed with (C2SP signed-note).
    """

    place: str
    index: int
    entry: str
    leaf_hash: str
    path: list[str]
    checkpoint: str
    verifier: str


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """That a ledger still holds, in order, all that it held at an earlier checkpoint.

    Parameters
    ----------
    old, new : str
        Signed notes.
    path : list of str
        Consistency proof between their roots (RFC 6962), base64.
    verifier : str
        Key that both notes are signed with.
    """

    old: str
    new: str
    path: list[str]
    verifier: str


class Prover:
    """A ledger's store at its newest checkpoint, open for questions.

    Parameters
    ----------
    files : Files
    verifier : Verifier

    Raises
    ------
    Damaged
        When the checkpoint is not what the key has signed.
    FatalError
        When there is none yet.
    """

    def __init__(self, files: Files, verifier: Verifier) -> None:
        head, note = read_head(files, verifier), files.get(CHECKPOINT)
        if head is None or note is None:
            msg = f"{files.root}: expected a ledger, got a place without a checkpoint; look there"
            raise FatalError(msg)
        self.head = head
        self.note = note.decode()
        self._verifier = verifier
        self._tiles = Tiles(files, head.size)

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """All entries with their numbers; not checked, as `inclusion` does."""
        for bundle in range(-(-self.head.size // WIDTH)):
            yield from enumerate(self._tiles.entries(bundle), bundle * WIDTH)

    def found(self, wanted: Callable[[Entry], bool]) -> list[tuple[int, bytes]]:
        """Those entries that are wanted."""
        return [(i, data) for i, data in self.entries() if wanted(decode_entry(data))]

    def inclusion(self, index: int, entry: bytes) -> InclusionProof:
        """Proof that an entry has this number.

        Raises
        ------
        Damaged
            When the store does not bear it out.
        """
        path = inclusion_proof(self._tiles.node, index, self.head.size)
        leaf = leaf_hash(entry)
        if root_from_inclusion(leaf, index, self.head.size, path) != self.head.root:
            msg = (
                f"entry {index}: expected one under the signed root, got another; `tocsin ledger "
                "verify` says what was changed"
            )
            raise Damaged(msg)
        return InclusionProof(
            place=decode_entry(entry).place,
            index=index,
            entry=_text(entry),
            leaf_hash=_text(leaf),
            path=[_text(step) for step in path],
            checkpoint=self.note,
            verifier=str(self._verifier),
        )

    def consistency(self, note: bytes, where: str) -> ConsistencyProof:
        """Proof that the store goes on from a checkpoint that somebody kept.

        Parameters
        ----------
        note : bytes
            The checkpoint.
        where : str
            Where it was kept, for messages.

        Raises
        ------
        Damaged
            When the store is not a later state of the same ledger.
        """
        old = read_checkpoint(note, self._verifier, where)
        if old.size > self.head.size:
            msg = (
                f"{where}: expected a ledger of at least {old.size} entries, got one of "
                f"{self.head.size}; the store was cut back"
            )
            raise Damaged(msg)
        path = consistency_proof(self._tiles.node, old.size, self.head.size)
        if not is_consistent(old[1:], self.head[1:], path):
            root = root_of(self._tiles.node, 0, old.size)
            msg = (
                f"{where}: expected the first {old.size} entries to have the root "
                f"{old.root.hex()}, got {root.hex()}; some of them are not those of that day"
            )
            raise Damaged(msg)
        return ConsistencyProof(
            old=note.decode(),
            new=self.note,
            path=[_text(step) for step in path],
            verifier=str(self._verifier),
        )


def is_included(proof: InclusionProof, verifier: Verifier) -> bool:
    """Whether a proof holds, by nothing but itself and a key that is trusted."""
    head = _head(proof.checkpoint, verifier)
    leaf, path = leaf_hash(base64.b64decode(proof.entry)), _hashes(proof.path)
    found = root_from_inclusion(leaf, proof.index, head.size, path)
    return proof.index < head.size and found == head.root


def is_extended(proof: ConsistencyProof, verifier: Verifier) -> bool:
    """Whether a proof of consistency holds, by nothing but itself and a key that is trusted."""
    old, new = _head(proof.old, verifier), _head(proof.new, verifier)
    return is_consistent(old[1:], new[1:], _hashes(proof.path))


def _head(note: str, verifier: Verifier) -> Checkpoint:
    return read_checkpoint(note.encode(), verifier, "proof")


def _hashes(path: Sequence[str]) -> list[bytes]:
    return [base64.b64decode(step) for step in path]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
