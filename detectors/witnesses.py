"""Which rule of which channel speaks for which term of a joint rule."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.transition import Transitions
from detectors.kind import Roster

SLOTS: Final = 256


class Heard(NamedTuple):
    """A level change of a witness: where in the batch, which of them, its colour, when."""

    ordinal: int
    witness: int
    colour: int
    time_ns: int


class Witnesses:
    """Channels and rules that joint rules listen to.

    A term `<class>.<rule>` of a joint rule speaks for every channel of that class in the group of
    the joint rule's anchor.

    Parameters
    ----------
    anchors : int64, shape (n,)
        Lane row of each joint rule's anchor.
    terms : sequence of sequence of str
        Terms of each of them.
    roster : Roster

    Attributes
    ----------
    rows : int64, shape (m,)
        Lane row of every witness, rising.
    rules : bytes of 32, shape (m,)
        Its rule.
    of_term : list of list of list of int
        Witnesses by joint rule and term.
    heeded_by : list of list of (int, int)
        Joint rules and terms by witness.
    """

    def __init__(
        self, anchors: NDArray[np.int64], terms: Sequence[Sequence[str]], roster: Roster
    ) -> None:
        members = _members(roster)
        wanted = [
            [_called(term, members, roster.groups[anchor]) for term in said]
            for anchor, said in zip(anchors.tolist(), terms, strict=True)
        ]
        named = sorted({one for said in wanted for term in said for one in term})
        number = {one: i for i, one in enumerate(named)}
        self.rows = np.array([row for row, _ in named], np.int64)
        self.rules = np.array([rule.encode() for _, rule in named], "S32")
        self.of_term = [[[number[one] for one in term] for term in said] for said in wanted]
        self.heeded_by: list[list[tuple[int, int]]] = [[] for _ in named]
        for place, said in enumerate(self.of_term):
            for i, term in enumerate(said):
                for witness in term:
                    self.heeded_by[witness].append((place, i))
        slots = roster.slots
        self._number = {
            row * SLOTS + slots[rule]: i for (row, rule), i in number.items() if rule in slots
        }
        self._keys = np.array(sorted(self._number), np.int64)

    def heard(self, notes: Transitions) -> list[Heard]:
        """Level changes of witnesses among others, by rising ordinal."""
        keys = notes["row"].astype(np.int64) * SLOTS + notes["rule"]
        mine = np.flatnonzero(np.isin(keys, self._keys))
        ordered = mine[np.lexsort((keys[mine], notes["ordinal"][mine]))]
        return [
            Heard(
                int(note["ordinal"]),
                self._number[int(key)],
                int(note["now"]),
                int(note["time_ns"]),
            )
            for note, key in zip(notes[ordered], keys[ordered], strict=True)
        ]


def _members(roster: Roster) -> dict[tuple[str, str], list[int]]:
    """Lane rows by group and class."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, (group, label) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
        found.setdefault((group, roster.classes[label]), []).append(row)
    return found


def _called(
    term: str, members: dict[tuple[str, str], list[int]], group: str
) -> list[tuple[int, str]]:
    """Channels of a group that a term speaks for, and its rule."""
    class_name, _, rule = term.rpartition(".")
    return [(row, rule) for row in members.get((group, class_name), ())]


def terms_hash(terms: tuple[str, ...]) -> bytes:
    """Sixteen letters that stand for some terms in their order."""
    return hashlib.blake2b("\0".join(terms).encode(), digest_size=8).hexdigest().encode()
