"""The section `commands` of the settings: whose commands lanes and the desk stage carry out."""

import base64
import binascii
from typing import Annotated, Final, Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Meta

from contracts.journal import SHELVE_S_MAX
from contracts.quantities import NS_PER_MS, NS_PER_S, Duration
from pipeline.worker.authority import ANYONE, Authority, Role

KEY: Final = "an Ed25519 public key as base64, as `openssl pkey -pubout` prints it in one line"

Kind = Literal[
    "shelve", "unshelve", "accept", "shadow", "promote", "rollback",
    "acknowledge", "confirm", "reset", "comment", "assign", "advance", "close", "verdict", "move",
    "report", "maintenance", "drill",
]  # fmt: skip
Key = Annotated[str, Meta(min_length=1, max_length=200)]


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a role holds; everywhere when left out.

    Parameters
    ----------
    lifelines : list of str
        Names of lifelines.
    areas : list of str
        Districts, streets, neighbourhoods or grid cells, as the catalogue writes them. Shadows
        concern whole lanes and drills the whole city, so a role with areas may not command them;
        a work order must name one of the areas, and holds there alone.
    """

    lifelines: list[str] = []
    areas: list[str] = []


class RoleRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What those may command who act in one role.

    Parameters
    ----------
    may : list of str
        Kinds of commands.
    where : Places
    keys : list of str
        Names of the keys that may speak for it.
    """

    may: Annotated[list[Kind], Meta(min_length=1)]
    where: Places = Places()
    keys: Annotated[list[str], Meta(min_length=1)]


class CommandRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may command; without this section anyone may who can write to the topic.

    Parameters
    ----------
    keys : dict of str to str
        Ed25519 public keys by name: base64 of their DER form.
    roles : dict of str to RoleRules
        What the holders of keys may do, by the name of the role.
    shelve_max : Duration
        Longest shelving.
    valid_max : Duration
        Longest time for which a command may be good.
    """

    keys: dict[str, Key]
    roles: dict[str, RoleRules]
    shelve_max: Duration = Duration("8 h")
    valid_max: Duration = Duration("15 min")

    def authority(self) -> Authority:
        """What lanes hold commands against."""
        return Authority(
            {name: public_key(text) for name, text in self.keys.items()},
            {
                name: Role(
                    frozenset(role.may),
                    frozenset(role.keys),
                    frozenset(role.where.lifelines),
                    frozenset(role.where.areas),
                )
                for name, role in self.roles.items()
            },
            min(self.shelve_max.ns // NS_PER_S, SHELVE_S_MAX),
            self.valid_max.ns // NS_PER_MS,
        )


def authority_of(rules: CommandRules | None) -> Authority:
    """What lanes hold commands against, with or without the section."""
    return ANYONE if rules is None else rules.authority()


def public_key(text: str) -> Ed25519PublicKey:
    """Key from its base64 in the settings.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(KEY) from error
    if isinstance(key, Ed25519PublicKey):
        return key
    raise ValueError(KEY)
