"""Who may sign in, what their role may do and where, and how passwords are checked."""

from collections.abc import Collection
from typing import Annotated, Final

import argon2
import msgspec
from argon2.exceptions import Argon2Error, InvalidHashError
from msgspec import Meta

from contracts.settings.console import RoleName

Word = Annotated[str, Meta(min_length=1, max_length=64)]
PASSWORD_LENGTH: Final = (10, 256)

_ANSWERS: Final = frozenset(
    {"acknowledge", "confirm", "comment", "assign", "advance", "dispatch", "report"}
)
_DECISIONS: Final = frozenset(
    {"reset", "close", "verdict", "move", "maintenance", "shelve", "unshelve"}
)
MAY: Final[dict[RoleName, frozenset[str]]] = {
    "viewer": frozenset(),
    "operator": _ANSWERS,
    "supervisor": _ANSWERS | _DECISIONS,
    "engineer": frozenset({"comment", "verdict", "maintenance", "shelve", "unshelve"}),
    "admin": _ANSWERS | _DECISIONS | {"drill"},
}


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody who has signed in may do, and where.

    Parameters
    ----------
    name : str
        As the page shows it.
    role : str
        Also the role of `commands.roles` in which commands are signed.
    lifelines, districts : list of str
        Where the role holds; everywhere when left out.
    desks : list of str
        Desks whose incidents the page opens with.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    role: RoleName
    lifelines: list[Word] = []
    districts: list[Word] = []
    desks: list[Word] = []

    def may(self, kind: str, lifelines: Collection[str], district: str) -> bool:
        """Whether a command about some lifelines in a district is theirs to give.

        Any of the lifelines will do, as for the stage. What concerns no lifeline or no district is
        for those alone whose role holds everywhere.

        Examples
        --------
        >>> li = Account(name="Li", role="operator", lifelines=["water"])
        >>> li.may("acknowledge", ["water", "power"], ""), li.may("acknowledge", ["power"], "")
        (True, False)
        >>> li.may("close", ["water"], "")
        False
        """
        here = not self.lifelines or bool(set(self.lifelines) & set(lifelines))
        there = not self.districts or district in self.districts
        return kind in MAY[self.role] and here and there


class LocalAccount(Account, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody of the file of users.

    Parameters
    ----------
    hash : str
        Argon2id of the password, in PHC form.
    """

    hash: Annotated[str, Meta(pattern=r"^\$argon2id\$", max_length=400)]


class Passwords:
    """Hashes with argon2id by the library's present parameters (RFC 9106, low memory)."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        # Checked for names that nobody has, so that they take as long as those that somebody has.
        self._nobody = self._hasher.hash("nobody")

    def hash(self, password: str) -> str:
        """Of a new password.

        Raises
        ------
        ValueError
            When it is too short or too long.
        """
        least, most = PASSWORD_LENGTH
        if not least <= len(password) <= most:
            msg = f"password: expected {least} to {most} characters, got {len(password)}"
            raise ValueError(msg)
        return self._hasher.hash(password)

    def good(self, account: LocalAccount | None, password: str) -> bool:
        """Whether it is the account's; takes as long without one."""
        try:
            self._hasher.verify(self._nobody if account is None else account.hash, password)
        except (Argon2Error, InvalidHashError):
            return False
        return account is not None
