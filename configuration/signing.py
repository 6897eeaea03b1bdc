"""A private key in an operator's hands: who signs, in which role, and how."""

import base64
import uuid
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from configuration.commands import CommandRules, public_key
from configuration.settings import Settings
from contracts.errors import ConfigError
from contracts.journal import CommandBase, signed_bytes
from contracts.ports.clock import WallClock
from contracts.quantities import NS_PER_MS
from contracts.topics import TopicNames

C = TypeVar("C", bound=CommandBase)


class Signer(NamedTuple):
    """A key, its name in the settings, and the role that it speaks for."""

    private: Ed25519PrivateKey
    key: str
    role: str

    def signed(self, command: C, topic: str) -> C:
        """The command with its signature, for one topic."""
        told = msgspec.structs.replace(command, role=self.role, key=self.key, signature="")
        signature = base64.b64encode(self.private.sign(signed_bytes(told, topic))).decode()
        return msgspec.structs.replace(told, signature=signature)


def as_sent(
    command: C, settings: Settings, lifeline: str, *, key: Path | None, role: str | None
) -> C:
    """The command with an id, good for a while from now, and signed if there is a key file."""
    told = dated(command, settings.commands, WallClock().now_ms())
    if key is None:
        return told
    topic = TopicNames(settings.app).commands(lifeline)
    return signer(key, role, settings.commands).signed(told, topic)


def dated(command: C, rules: CommandRules | None, now_ms: int) -> C:
    """The command with an id of its own, good from now for as long as the settings allow."""
    valid_ms = (rules or CommandRules(keys={}, roles={})).valid_max.ns // NS_PER_MS
    id_ = uuid.uuid4().hex
    return msgspec.structs.replace(command, id=id_, at=now_ms, expires=now_ms + valid_ms)


def signer(file: Path, role: str | None, rules: CommandRules | None) -> Signer:
    """Who signs with a key file, by what the settings say of its public key.

    Raises
    ------
    ConfigError
        When the file holds no such key, or the settings give it no role, or several.
    """
    return _signer(_private(f"--key {file}", file.read_bytes()), f"--key {file}", role, rules)


def signer_of(pem: str, role: str, rules: CommandRules | None) -> Signer:
    """Who signs with the console's key in a role; see `signer`."""
    where = "console.key"
    return _signer(_private(where, pem.encode()), where, role, rules)


def _signer(
    private: Ed25519PrivateKey, where: str, role: str | None, rules: CommandRules | None
) -> Signer:
    if rules is None:
        msg = (
            f"{where}: expected the section `commands` in the settings, got none; add keys and "
            "roles"
        )
        raise ConfigError(msg)
    mine = private.public_key()
    names = [name for name, text in rules.keys.items() if public_key(text) == mine]
    if not names:
        msg = f"{where}: expected a key of `commands.keys`, got another; add its public key"
        raise ConfigError(msg)
    roles = [name for name, said in rules.roles.items() if names[0] in said.keys]
    if role is None and len(roles) == 1:
        role = roles[0]
    if role not in roles:
        known = ", ".join(roles) or "none"
        msg = f"--role: expected a role of the key {names[0]!r} ({known}), got {role!r}; name one"
        raise ConfigError(msg)
    return Signer(private, names[0], role)


def _private(where: str, pem: bytes) -> Ed25519PrivateKey:
    msg = (
        f"{where}: expected an Ed25519 private key as PEM without a password, got something "
        "else; make one with `openssl genpkey -algorithm ed25519`"
    )
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(msg) from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ConfigError(msg)
