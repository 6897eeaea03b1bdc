"""Who may sign in: a YAML file, and `tocsin console user`, which prints an entry of it."""

import argparse
import getpass
import sys
from pathlib import Path

import msgspec

from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings
from configuration.yaml.located import BYTES_MAX, located
from console.accounts import LocalAccount, Passwords
from contracts.errors import ConfigError


class UsersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file holds: accounts by the name that people sign in with."""

    users: dict[str, LocalAccount]


def load_users(path: Path) -> dict[str, LocalAccount]:
    """Accounts of a file.

    Raises
    ------
    ConfigError
        With every finding.
    """
    try:
        with path.open("rb") as file:
            source = file.read(BYTES_MAX + 1)
    except OSError as error:
        advice = "see `console.users` in docs/console.md"
        msg = f"{path}: expected who may sign in, got an error: {error.strerror}; {advice}"
        raise ConfigError(msg) from error
    findings = Findings()
    tree = located(path.as_posix(), source, findings)
    found = None if tree is None else fill(UsersFile, Page(path.as_posix(), tree, findings))
    if found is None or findings.found:
        raise ConfigError(*findings.lines())
    return found.users


def print_user(arguments: argparse.Namespace) -> int:
    """Print an entry of the file for a password that is typed, or comes on standard input."""
    typed = sys.stdin.isatty()
    password = getpass.getpass() if typed else sys.stdin.readline().removesuffix("\n")
    try:
        hashed = Passwords().hash(password)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    sys.stdout.write(
        f"users:\n  {arguments.user}:\n    name: {arguments.user}\n"
        f"    role: {arguments.role}\n    hash: {hashed}\n"
    )
    return 0
