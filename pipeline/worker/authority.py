"""Who may give which commands, as the configuration says."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.journal import SHELVE_S_MAX, CommandBase, signed_bytes

VALID_MS: Final = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Role:
    """What those may do who act in one role.

    Parameters
    ----------
    may : frozenset of str
        Kinds of commands.
    keys : frozenset of str
        Names of the keys that may speak for it.
    lifelines, areas : frozenset of str
        Where; all of them when empty. An area is a district, street, neighbourhood or grid cell.
    """

    may: frozenset[str]
    keys: frozenset[str]
    lifelines: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Authority:
    """Rules that commands are held against; without roles, anyone may give any.

    Parameters
    ----------
    keys : mapping of str to Ed25519PublicKey
        By name.
    roles : mapping of str to Role
        By name.
    shelve_s_max : int
        Longest shelving, seconds of lane time.
    valid_ms_max : int
        Longest time between a command's `at` and its `expires`.
    """

    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    shelve_s_max: int = SHELVE_S_MAX
    valid_ms_max: int = VALID_MS

    @property
    def signed(self) -> bool:
        """Whether commands must be signed."""
        return bool(self.roles)

    def vouches(self, command: CommandBase, topic: str) -> bool:
        """Whether the signature is of the key that the command names, for this topic."""
        key = self.keys.get(command.key)
        if key is None:
            return False
        try:
            signature = base64.b64decode(command.signature, validate=True)
            key.verify(signature, signed_bytes(command, topic))
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True


ANYONE: Final = Authority()
