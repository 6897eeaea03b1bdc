"""Readings that were refused: how many, why, and one of each kind."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from contracts.dead_letter import DeadLetter
from runtime.exit_codes import FAILED, GOOD

LETTERS_MAX: Final = 1_000
_DECODE: Final = msgspec.json.Decoder(DeadLetter).decode


# Readings that no rule judges and nobody refuses, by their disposition: what they are.
_LEFT: Final = {
    "held": "of bad quality, or of a shelved channel",
    "back_filled": "further behind the stamp of their record than `back_fill` of the class allows",
    "duplicate": "at the time of one of the channel's last four readings",
    "late": "older than the channel's newest; sort the file by time",
}


class Refused(msgspec.Struct, frozen=True):
    """Readings that were refused for one reason.

    Parameters
    ----------
    count : int
    first : DeadLetter
    """

    count: int
    first: DeadLetter


class Refusals:
    """Dead letters counted by their reason.

    Parameters
    ----------
    found : mapping of str to Refused, optional
        By reason, from before.
    letters : iterable of DeadLetter, optional
        From before.

    Attributes
    ----------
    letters : list of DeadLetter
        The first 1,000 of readings whose channel and time are known: pictures show them.
    """

    def __init__(
        self, found: Mapping[str, Refused] | None = None, letters: Iterable[DeadLetter] = ()
    ) -> None:
        self.found: dict[str, Refused] = dict(found or {})
        self.letters: list[DeadLetter] = []
        self.keep(letters)

    def add(self, body: bytes) -> None:
        """Count the body of one dead letter."""
        letter = _DECODE(body)
        self.merge({letter.reason: Refused(1, letter)})
        self.keep([letter])

    def keep(self, letters: Iterable[DeadLetter]) -> None:
        """Keep letters for pictures, while there are not too many."""
        for letter in letters:
            if letter.channel and letter.time_ns is not None and len(self.letters) < LETTERS_MAX:
                self.letters.append(letter)

    def merge(self, others: Mapping[str, Refused]) -> None:
        """Count those of others; the first of a reason stays the first."""
        for reason, other in others.items():
            mine = self.found.get(reason, Refused(0, other.first))
            self.found[reason] = Refused(mine.count + other.count, mine.first)

    @property
    def count(self) -> int:
        """All of them."""
        return sum(one.count for one in self.found.values())

    def lines(self, received: int, place: Callable[[DeadLetter], str]) -> list[str]:
        """What a person is told, most frequent first; nothing when none was refused.

        Parameters
        ----------
        received : int
            All readings.
        place : callable
            Where a reading stands in its file.
        """
        if not self.found:
            return []
        most = sorted(self.found.items(), key=lambda pair: (-pair[1].count, pair[0]))
        kinds = [
            f"  {one.count:,} {reason}, as {place(one.first)}; {one.first.detail}"
            for reason, one in most
        ]
        lines = [f"refused {self.count:,} of {received:,} readings", *kinds]
        if self.most(received):
            lines.append("most readings were refused, so the result says little; mend the export")
        return lines

    def most(self, received: int) -> bool:
        """Whether more than half of all readings were refused."""
        return 2 * self.count > received

    def tell(
        self, command: str, accounting: Mapping[str, int], place: Callable[[DeadLetter], str]
    ) -> int:
        """Say on standard error what was refused, and when most readings were not judged.

        `FAILED` when more than half of all readings were refused.
        """
        received = accounting["received"]
        lines = self.lines(received, place) + _not_judged(accounting)
        sys.stderr.write("".join(f"{command}: {line}\n" for line in lines))
        return FAILED if self.most(received) else GOOD


def _not_judged(accounting: Mapping[str, int]) -> list[str]:
    """What to tell when most readings had another disposition than scored or quarantined."""
    left = {word: accounting[word] for word in _LEFT if accounting.get(word)}
    if 2 * sum(left.values()) <= accounting["received"]:
        return []
    kinds = [f"  {count:,} {word}: {_LEFT[word]}" for word, count in left.items()]
    count = f"{sum(left.values()):,} of {accounting['received']:,}"
    return [f"not judged {count} readings, so the result says little", *kinds]


def say_notes(command: str, notes: list[str]) -> None:
    """Say on standard error what a person should know of the readings that were read."""
    sys.stderr.write("".join(f"{command}: {note}\n" for note in notes))
