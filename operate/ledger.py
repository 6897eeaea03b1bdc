"""`tocsin ledger`: is the record sound, does it hold this, does it go on from that."""

import argparse
import base64
import logging
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from broker.access import secret_text
from configuration.configuration import Configuration
from configuration.settings import LedgerStore, Settings
from contracts.errors import ConfigError, FatalError
from contracts.kafka import has_credentials, masked
from operate.evidence.assessment import AssetLife, Responder, asset_life, responders
from sinks.ledger.entry import Entry, decode_entry
from sinks.ledger.files import StoredFiles
from sinks.ledger.ledger import JOURNAL, Ledger
from sinks.ledger.note import Signer, Verifier, note_within, read_signer, read_verifier
from sinks.ledger.prove import InclusionProof, Prover
from sinks.ledger.tiles import CHECKPOINT
from sinks.ledger.verify import verify

log = logging.getLogger("tocsin.ledger")

FINDINGS_SHOWN: Final = 20
_MISSING: Final = (
    "tocsin.yaml: expected a section `ledger` (origin, store, key), got none; see docs/ledger.md"
)


class _Change(msgspec.Struct):
    id: str = ""


class _JournalEntry(msgspec.Struct):
    change: _Change


_JOURNAL: Final = msgspec.json.Decoder(_JournalEntry)


def ledger(arguments: argparse.Namespace) -> int:
    """Verify a ledger, prove what it holds, or print its newest checkpoint."""
    files, verifier = _place(arguments)
    if arguments.act == "verify":
        return _verify(files, verifier)
    prover = Prover(files, verifier)
    if arguments.act in {"asset", "responders"}:
        return _assess(files, verifier, arguments)
    if arguments.act == "prove":
        return _prove(prover, arguments)
    return _checkpoint(prover, verifier, arguments)


def opened_ledger(settings: Settings) -> Ledger:
    """The ledger of an installation, to be written; `ConfigError` when none is configured."""
    store = _store(settings)
    files = StoredFiles(store.store)
    files.begin()
    return Ledger(files, _signer(store))


def newest_checkpoint(settings: Settings) -> str | None:
    """The newest checkpoint as it lies in the store, for others to keep; None where there is none.

    Not checked, so that a desk needs no private key: whoever keeps it checks with `--against`.
    """
    if settings.ledger is None:
        return None
    try:
        note = StoredFiles(settings.ledger.store).get(CHECKPOINT)
    except OSError as error:  # the sheet of a shift does not wait for a store
        log.warning("%s: expected a checkpoint, got %r", masked(settings.ledger.store), error)
        return None
    return None if note is None else note.decode(errors="replace")


def proofs_of(settings: Settings, places: set[str]) -> list[InclusionProof]:
    """Proofs of the records at some places, of those that the ledger holds by now."""
    store = _store(settings)
    prover = Prover(StoredFiles(store.store), _signer(store).verifier)
    found = prover.found(lambda entry: entry.place in places)
    return [prover.inclusion(index, entry) for index, entry in found]


def _store(settings: Settings) -> LedgerStore:
    if settings.ledger is None:
        raise ConfigError(_MISSING)
    return settings.ledger


def _signer(store: LedgerStore) -> Signer:
    return read_signer(store.origin, secret_text("ledger.key", store.key))


def _place(arguments: argparse.Namespace) -> tuple[StoredFiles, Verifier]:
    """Where the ledger lies and whom to believe; who has neither settings nor key names both."""
    if arguments.store and has_credentials(arguments.store):
        msg = (
            f"--store: expected an address without credentials, got {masked(arguments.store)!r}; "
            "every user of the machine sees them, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise ConfigError(msg)
    if arguments.store and arguments.verifier:
        return StoredFiles(arguments.store), read_verifier(arguments.verifier)
    store = _store(Configuration.load(arguments.configs).settings)
    files = StoredFiles(arguments.store or store.store)
    if arguments.verifier:
        return files, read_verifier(arguments.verifier)
    return files, _signer(store).verifier


def _verify(files: StoredFiles, verifier: Verifier) -> int:
    findings = list(verify(files, verifier))
    if not findings:
        head = Prover(files, verifier).head
        said = f"{head.size} entries under {head.root.hex()}: as signed by {verifier.name}\n"
        sys.stdout.write(said)
        return 0
    more = len(findings) - FINDINGS_SHOWN
    sys.stdout.write("".join(f"{line}\n" for line in findings[:FINDINGS_SHOWN]))
    if more > 0:
        sys.stdout.write(f"and {more} more\n")
    return 1


def _prove(prover: Prover, arguments: argparse.Namespace) -> int:
    """Print proofs, a line each: of all entries that are meant."""
    found = prover.found(_meant(arguments.target))
    if not found:
        msg = (
            f"expected the id of an alarm, incident or command, or TOPIC:PARTITION:OFFSET of a "
            f"record in the ledger, got {arguments.target!r}; it may have come after the newest "
            "checkpoint"
        )
        raise ConfigError(msg)
    for index, entry in found:
        proof = prover.inclusion(index, entry)
        sys.stdout.write(msgspec.json.encode(proof).decode() + "\n")
    return 0


def _meant(target: str) -> Callable[[Entry], bool]:
    def is_meant(entry: Entry) -> bool:
        return target in {entry.header.key, entry.place} or target == _command(entry)

    return is_meant


def _command(entry: Entry) -> str | None:
    """Id of the command that a journal entry carries."""
    if JOURNAL not in entry.header.topic:
        return None
    try:
        return _JOURNAL.decode(entry.value).change.id or None
    except (msgspec.DecodeError, ValueError):
        return None


def _assess(files: StoredFiles, verifier: Verifier, arguments: argparse.Namespace) -> int:
    """Print what entries say of an asset or of responders, once all of them are as signed."""
    for finding in verify(files, verifier):
        msg = f"{finding}; nothing is read from a ledger that was changed"
        raise FatalError(msg)
    whole = (decode_entry(data) for _, data in Prover(files, verifier).entries())
    entries = (entry for entry in whole if entry.header.sha256 is None)
    found: list[AssetLife] | list[Responder] = (
        [asset_life(entries, arguments.asset)] if arguments.act == "asset" else responders(entries)
    )
    for one in found:
        sys.stdout.write(msgspec.json.encode(one).decode() + "\n")
    return 0


def _checkpoint(prover: Prover, verifier: Verifier, arguments: argparse.Namespace) -> int:
    """Print the newest checkpoint, and how it goes on from one that others kept."""
    if arguments.against is None:
        said = {"checkpoint": prover.note, "verifier": str(verifier)}
        text = msgspec.json.encode(said).decode() + "\n" if arguments.json else prover.note
        sys.stdout.write(text)
        return 0
    held_note = note_within(arguments.against.read_bytes(), verifier.name)
    proof = prover.consistency(held_note, str(arguments.against))
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(proof).decode() + "\n")
        return 0
    held, head = proof.old.split("\n")[1], prover.head
    root = base64.b64encode(head.root).decode()
    sys.stdout.write(
        f"{arguments.against}: its {held} entries are the first of {head.size} under {root}\n"
    )
    return 0
