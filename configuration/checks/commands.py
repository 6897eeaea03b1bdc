"""Whether the section `commands` of the settings says what it means."""

import re
from collections.abc import Container
from typing import Final

from configuration.commands import KEY, CommandRules, public_key
from configuration.yaml.fill import Page
from configuration.yaml.findings import Path
from contracts.journal import SHELVE_S_MAX
from contracts.quantities import NS_PER_S, Duration

SECTION: Final = "commands"
VALID_S_MAX: Final = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_commands(
    rules: CommandRules | None,
    lifelines: Container[str],
    page: Page,
    profile: str,
) -> None:
    """Find what is wrong with who may command.

    Parameters
    ----------
    rules : CommandRules or None
        None when the section is not there, which the profile `production` refuses.
    lifelines : container of str
        Those that are configured.
    page : Page
        Takes the findings.
    profile : str
        `development` or `production`.
    """
    if rules is None:
        if profile == "production":
            text = "expected the section `commands` under `profile: production`, got none"
            page.find((), f"{text}; name keys and roles, or anyone could silence alarms", key=True)
        return
    for group in ("keys", "roles"):
        _check_names(group, list(getattr(rules, group)), page)
    for name, text in rules.keys.items():
        try:
            public_key(text)
        except ValueError:
            page.refuse((SECTION, "keys", name), KEY, text)
    for name, role in rules.roles.items():
        at = (SECTION, "roles", name)
        _check_members((*at, "keys"), role.keys, rules.keys, page)
        _check_members((*at, "where", "lifelines"), role.where.lifelines, lifelines, page)
    _check_length("shelve_max", rules.shelve_max, SHELVE_S_MAX, page)
    _check_length("valid_max", rules.valid_max, VALID_S_MAX, page)


def _check_names(group: str, names: list[str], page: Page) -> None:
    if not names:
        page.find((SECTION, group), "expected at least one, got none; add one")
    for name in names:
        if not _NAME.fullmatch(name):
            text = f"expected a name of letters, digits, `.`, `_` and `-`, got {name!r}; rename it"
            page.find((SECTION, group, name), text, key=True)


def _check_members(path: Path, names: list[str], known: Container[str], page: Page) -> None:
    for place, name in enumerate(names):
        if name not in known:
            page.refuse((*path, place), "one that is configured", name, "add it or drop this")


def _check_length(key: str, length: Duration, most_s: int, page: Page) -> None:
    if length.periods or not NS_PER_S <= length.ns <= most_s * NS_PER_S:
        page.refuse((SECTION, key), f"a time from 1 s to {most_s} s", str(length))
