"""What is wrong with the configuration and where, collected over all files."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
Place = tuple[int, int]
NOWHERE: Place = (0, 0)
KNOWN_MAX: Final = 50  # words that a message names


class Finding(NamedTuple):
    """One thing that is wrong.

    Parameters
    ----------
    file : str
        As the engineer called it.
    place : (int, int)
        Line and column from 1; 0 where there is none.
    path : str
        Dotted path inside the file, may be empty.
    text : str
        Expected what, got what; what to do.
    """

    file: str
    place: Place
    path: str
    text: str

    def __str__(self) -> str:
        spot = ":".join([self.file, *(str(number) for number in self.place if number)])
        return f"{spot}: {self.path}: {self.text}" if self.path else f"{spot}: {self.text}"


@dataclass(slots=True)
class Findings:
    """All findings so far."""

    found: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.found)

    def add(self, file: str, place: Place, path: str, text: str) -> None:
        """Note a finding."""
        self.found.append(Finding(file, place, path, text))

    def lines(self) -> list[str]:
        """Findings by file and place, as lines for a person."""
        return [str(finding) for finding in sorted(set(self.found))]


def dotted(path: Path) -> str:
    """A path as people write it.

    >>> dotted(("duty", "respond", "first", 2))
    'duty.respond.first[2]'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value as a message quotes it: short, never a whole tree.

    >>> shown({"a": 1}), shown("0.2"), shown(None), shown(True)
    ('a mapping', "'0.2'", 'nothing', 'true')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > 60:
        return repr(value[:60] + "…")
    return repr(value)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Known word most like this one, None when none is like it."""
    close = difflib.get_close_matches(word[:100], sorted(known), n=1)
    return close[0] if close else None


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice that names the known word most like this one, or those that there are.

    >>> nearest("smothing", ["band", "smoothing"])
    "nearest is 'smoothing'"
    >>> nearest("colour", ["low", "high"])
    'known are high, low'
    """
    known = sorted(known)
    close = closest(word, known)
    if close:
        return f"nearest is {close!r}"
    more = f" and {len(known) - KNOWN_MAX} more" if len(known) > KNOWN_MAX else ""
    return f"known are {', '.join(known[:KNOWN_MAX]) or 'none'}{more}"
