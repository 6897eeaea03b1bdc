"""Signed notes and checkpoints as C2SP defines them: text that Ed25519 keys vouch for."""

import base64
import binascii
import hashlib
import re
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from contracts.bounded_text import bounded
from contracts.errors import ConfigError, Damaged
from sinks.ledger.merkle import HASH_BYTES

ED25519: Final = b"\x01"  # type of a key in its id and its encoded form
KEY_ID_BYTES: Final = 4
NOTE_BYTES_MAX: Final = 1 << 20
VERIFIER: Final = "`NAME+ID+KEY` as `tocsin ledger checkpoint` prints it"


class Checkpoint(NamedTuple):
    """Head of a tree: how many entries, and the root over them.

    References
    ----------
    C2SP tlog-checkpoint.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Verifier(NamedTuple):
    """A public key under its name, which is that of whoever signs with it."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First bytes of a hash over name and key, which signatures carry."""
        whole = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(whole).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        key = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def named(self, name: str) -> "Verifier":
        """The same key under another name: what it signs there means nothing here."""
        return Verifier(name, self.public)

    def opened(self, note: bytes, where: str) -> str:
        """Text of a note that this key has signed.

        Raises
        ------
        Damaged
            When it is no note, or no signature on it is valid and of this key.
        """
        text, lines = _split(note, where)
        for line in lines:
            signature = _signature(line, self.name)
            if signature is None or signature[:KEY_ID_BYTES] != self.key_id:
                continue
            try:
                key = Ed25519PublicKey.from_public_bytes(self.public)
                key.verify(signature[KEY_ID_BYTES:], text.encode())
            except InvalidSignature:
                msg = f"{where}: expected a signature of {self.name!r} on this text, got another"
                raise Damaged(msg) from None
            return text
        msg = f"{where}: expected a signature of {self.name!r} ({self.key_id.hex()}), got none"
        raise Damaged(msg)


class Signer(NamedTuple):
    """A private key under its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """What others check its signatures with."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def named(self, name: str) -> "Signer":
        """The same key under another name."""
        return Signer(name, self.private)

    def signed(self, text: str) -> bytes:
        """A note: the text, a blank line, and the signature."""
        signature = self.verifier.key_id + self.private.sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(signature).decode()}\n".encode()


def read_signer(name: str, pem: str) -> Signer:
    """A signer from a private key as PEM.

    Raises
    ------
    ConfigError
        When it is no Ed25519 key without a password; the key is not quoted.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return Signer(name, key)
    msg = (
        "ledger.key: expected an Ed25519 private key as PEM without a password, got something "
        "else; make one with `openssl genpkey -algorithm ed25519`"
    )
    raise ConfigError(msg)


def read_verifier(text: str) -> Verifier:
    """A verifier from its encoded form; `ConfigError` for anything else.

    Examples
    --------
    >>> key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    >>> str(read_verifier(key)) == key
    True
    """
    name, _, rest = text.strip().partition("+")
    found = _decoded(rest.partition("+")[2])
    if found is not None and found[:1] == ED25519 and len(found) == 1 + HASH_BYTES:
        verifier = Verifier(name, found[1:])
        if str(verifier) == text.strip():
            return verifier
    msg = f"expected a verifier {VERIFIER}, got {bounded(text, 200)!r}; correct it"
    raise ConfigError(msg)


def read_checkpoint(note: bytes, verifier: Verifier, where: str) -> Checkpoint:
    """A checkpoint that a key has signed.

    Raises
    ------
    Damaged
        When it is none, or of another log, or not signed.
    """
    text = verifier.opened(note, where)
    origin, size, root, *more = text.split("\n")
    found = _decoded(root)
    sound = size.isascii() and size.isdigit() and found is not None and len(found) == HASH_BYTES
    if not sound or found is None or origin != verifier.name or more != [""]:
        msg = (
            f"{where}: expected a checkpoint of {verifier.name!r} (origin, size, root), got "
            f"{bounded(text, 200)!r}"
        )
        raise Damaged(msg)
    return Checkpoint(origin, int(size), found)


def note_within(text: bytes, name: str) -> bytes:
    """The note of a log in a text that holds it, such as a sheet; the text when there is none.

    Parameters
    ----------
    text : bytes
    name : str
        Origin of the log: the first line of its notes.
    """
    lines = rb"\n\d+\n[\w+/=]+\n\n(?:\xe2\x80\x94 \S+ [\w+/=]+\n)+"
    found = re.search(rb"(?:^|[\n>])(" + re.escape(name.encode()) + lines + rb")", text)
    return found[1] if found else text


def _split(note: bytes, where: str) -> tuple[str, list[str]]:
    """Text of a note, and its lines of signatures."""
    try:
        whole = note[:NOTE_BYTES_MAX].decode()
    except UnicodeDecodeError as error:
        msg = f"{where}: expected a signed note in UTF-8, got another byte at {error.start}"
        raise Damaged(msg) from error
    text, blank, below = whole.rpartition("\n\n")
    lines = below.split("\n")
    if not blank or lines.pop() != "" or not lines or not all(map(_is_signature, lines)):
        msg = f"{where}: expected text, a blank line and signatures, got {bounded(whole, 200)!r}"
        raise Damaged(msg)
    return text + "\n", lines


def _is_signature(line: str) -> bool:
    return line.startswith("— ") and line.count(" ") == 2


def _signature(line: str, name: str) -> bytes | None:
    _, signer, encoded = line.split(" ")
    return _decoded(encoded) if signer == name else None


def _decoded(text: str) -> bytes | None:
    """Bytes from base64 that has one form alone: spare bits and other letters are refused."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if base64.b64encode(found).decode() == text else None
