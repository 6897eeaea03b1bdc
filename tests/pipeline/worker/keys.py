"""Keys of made operators, and commands signed with them."""

import base64
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from contracts.journal import CommandBase, signed_bytes

C = TypeVar("C", bound=CommandBase)


def key_of(seed: int) -> Ed25519PrivateKey:
    """The same key for the same number."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))


def public_text(key: Ed25519PrivateKey) -> str:
    """Its public half as the settings hold it."""
    form = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(form).decode()


def pem(key: Ed25519PrivateKey) -> bytes:
    """The key as a file for `--key`."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signed(command: C, key: Ed25519PrivateKey, topic: str) -> C:
    """The command with a signature for a topic."""
    signature = base64.b64encode(key.sign(signed_bytes(command, topic))).decode()
    return msgspec.structs.replace(command, signature=signature)
