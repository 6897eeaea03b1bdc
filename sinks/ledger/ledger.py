"""The ledger as a projection: records of topics become entries of a tree, each step signed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from contracts.errors import Damaged, FatalError, RetryableError
from contracts.ports.projection import Positions, TopicRecord
from sinks.ledger.entry import encode_entries
from sinks.ledger.files import Files
from sinks.ledger.merkle import EMPTY_ROOT
from sinks.ledger.note import Checkpoint, Signer, Verifier, read_checkpoint
from sinks.ledger.tiles import CHECKPOINT, WIDTH, Growth, Tiles, partial_names

POSITIONS: Final = "positions"
KEPT: Final = "checkpoints"
MARK: Final = "mark"
JOURNAL: Final = ".journal."
RETRY_AFTER_S: Final = 5.0
# Entries of a journal that say how far its lane's clock or reading got: of no interest later.
_ROUTINE: Final = frozenset({"tick", "took"})


class _Change(msgspec.Struct):
    kind: str = ""


class _JournalEntry(msgspec.Struct):
    change: _Change


_JOURNAL: Final = msgspec.json.Decoder(_JournalEntry)


def read_head(files: Files, verifier: Verifier) -> Checkpoint | None:
    """The newest checkpoint of a store, None when it has none yet.

    Raises
    ------
    Damaged
        When it is not what the key has signed.
    """
    note = files.get(CHECKPOINT)
    return None if note is None else read_checkpoint(note, verifier, CHECKPOINT)


def positions_name(size: int) -> str:
    """Where the positions behind a tree of some size are kept."""
    return f"{POSITIONS}/{size}"


def kept_name(size: int) -> str:
    """Where a checkpoint of earlier days is kept."""
    return f"{KEPT}/{size}"


def read_positions(files: Files, verifier: Verifier, size: int) -> Positions:
    """Positions behind a tree: where reading of the topics goes on.

    Raises
    ------
    Damaged
        When they are not there, or not what the key has signed.
    """
    name, signer = positions_name(size), _for_positions(verifier.name)
    note = files.get(name)
    if note is None:
        msg = f"{name}: expected the positions behind {size} entries, got no file; restore it"
        raise Damaged(msg)
    told, of_size, body = verifier.named(signer).opened(note, name).rstrip("\n").split("\n")
    if (told, of_size) != (signer, str(size)):
        msg = f"{name}: expected positions behind {size} entries, got some behind {of_size}"
        raise Damaged(msg)
    found = msgspec.json.decode(body, type=dict[str, dict[int, int]])
    return {(topic, p): offset for topic, at in found.items() for p, offset in at.items()}


def _positions_text(origin: str, size: int, positions: Positions) -> str:
    by_topic: dict[str, dict[int, int]] = {}
    for (topic, partition), offset in sorted(positions.items()):
        by_topic.setdefault(topic, {})[partition] = offset
    return f"{_for_positions(origin)}\n{size}\n{msgspec.json.encode(by_topic).decode()}\n"


def _for_positions(origin: str) -> str:
    """Under which name positions are signed: nobody can pass them off as a checkpoint."""
    return f"{origin}/{POSITIONS}"


class _Stand(NamedTuple):
    """How far the ledger is."""

    head: Checkpoint
    note: bytes | None  # the head as it lies in the store
    growth: Growth
    positions: Positions


class Ledger:
    """The one writer of a ledger.

    A step writes tiles and entries first, then the positions behind them, and last the checkpoint:
    that is what counts. A death in between leaves the former checkpoint, whose files are all still
    there, and the step is done anew.

    Parameters
    ----------
    files : Files
    signer : Signer
        Named by the ledger's origin.
    """

    unreadable = 0  # it keeps bytes, whatever they say

    def __init__(self, files: Files, signer: Signer) -> None:
        self._files = files
        self._signer = signer
        self._stand: _Stand | None = None

    def positions(self) -> Positions:
        """Where to go on; a partition that is missing is read from its beginning.

        Raises
        ------
        Damaged
            When what is there is not what the key has signed.
        RetryableError
            When the location does not answer.
        """
        with self._retried():
            return self._opened().positions

    def apply(self, records: Sequence[TopicRecord], behind: Positions) -> None:
        """Take records and note the positions behind them, in a signed step.

        Raises
        ------
        RetryableError
            When the location does not answer: ask for the positions, and go on from there.
        FatalError
            When another writer has been here.
        """
        kept = [record for record in records if is_kept(record)]
        with self._retried():
            stand = self._opened()
            positions = {**stand.positions, **behind}
            if kept:
                self._stand = None  # until all of the step is done
                stand = self._step(stand, kept, positions)
            # Without entries positions stay in memory: what they passed over is passed over again.
            self._stand = stand._replace(positions=positions)

    def current(self, time_ms: int) -> None:
        """See `Projection`: nothing is written, a ledger keeps what was told alone."""

    def _opened(self) -> _Stand:
        if self._stand is None:
            self._stand = self._read()
        return self._stand

    def _read(self) -> _Stand:
        files, verifier = self._files, self._signer.verifier
        head, note = read_head(files, verifier), files.get(CHECKPOINT)
        if head is None:
            nothing = Checkpoint(verifier.name, 0, EMPTY_ROOT)
            return _Stand(nothing, None, Growth(Tiles(files, 0)), {})
        growth = Growth(Tiles(files, head.size))
        if growth.root != head.root:
            msg = (
                f"{files.root}: expected the tree that checkpoint {head.size} signs, got another; "
                "see `tocsin ledger verify`, and restore what it names"
            )
            raise Damaged(msg)
        return _Stand(head, note, growth, read_positions(files, verifier, head.size))

    def _step(self, stand: _Stand, kept: Sequence[TopicRecord], positions: Positions) -> _Stand:
        self._check_alone(stand)
        self._files.put_all(self._grown(stand, kept, positions))
        head = Checkpoint(self._signer.name, stand.growth.size, stand.growth.root)
        if stand.note is not None and stand.head.size // WIDTH != head.size // WIDTH:
            # The last one of its bundle. It counts as soon as it is there, so it is there whole.
            self._files.put(kept_name(stand.head.size), stand.note)
        self._check_alone(stand)
        note = self._signer.signed(head.text)
        self._files.put(CHECKPOINT, note)
        self._sweep(stand.head.size, head.size)
        return stand._replace(head=head, note=note)

    def _grown(
        self, stand: _Stand, kept: Sequence[TopicRecord], positions: Positions
    ) -> Iterator[tuple[str, bytes]]:
        """Add records to the tree: all files that the next checkpoint needs, by name."""
        yield from stand.growth.add(encode_entries(kept))
        origin, size = self._signer.name, stand.growth.size
        signer = self._signer.named(_for_positions(origin))
        yield positions_name(size), signer.signed(_positions_text(origin, size, positions))

    def _check_alone(self, stand: _Stand) -> None:
        if self._files.get(CHECKPOINT) != stand.note:
            msg = (
                f"{self._files.root}/{CHECKPOINT}: expected the one of {stand.head.size} entries "
                "that this process left there, got another; stop the other writer, there is one"
            )
            raise FatalError(msg)

    def _sweep(self, before: int, now: int) -> None:
        """Delete what only the former checkpoint needed."""
        for name in sorted({*partial_names(before)} - {*partial_names(now)}):
            self._files.delete(name)
        if before:
            self._files.delete(positions_name(before))

    @contextmanager
    def _retried(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"{self._files.root}: expected a store that answers, got {error!r}; retrying"
            raise RetryableError(msg, RETRY_AFTER_S) from error

    def close(self) -> None:
        """Nothing is open between two steps."""


def is_kept(record: TopicRecord) -> bool:
    """Whether a record is an entry: marks, ticks and what the desk stage took are none."""
    if record.kind == MARK or record.key == MARK.encode():
        return False
    if JOURNAL not in record.topic or record.value is None:
        return True
    try:
        return _JOURNAL.decode(record.value).change.kind not in _ROUTINE
    except (msgspec.DecodeError, ValueError):
        return True  # nobody can read it, which is worth keeping
