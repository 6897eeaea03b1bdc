"""Who joint rules listen to: channels and rules of their groups, as columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.transition import Transitions
from detectors.base.kind import Roster

SLOTS: Final = 256
TERMS_MAX: Final = 16


class Heard(NamedTuple):
    """Level changes of witnesses, by rising ordinal: columns of shape (n,).

    Parameters
    ----------
    ordinal : int64
        Place in the batch.
    witness : int64
    colour : uint8
        After the change.
    time_ns : int64
    """

    ordinal: NDArray[np.int64]
    witness: NDArray[np.int64]
    colour: NDArray[np.uint8]
    time_ns: NDArray[np.int64]


NOTHING_HEARD: Final = Heard(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64)
)


class Anchors(NamedTuple):
    """Where joint rules ring.

    Parameters
    ----------
    rows : int64, shape (n,)
        Lane rows, rising: of each class and group the channel with the lowest one.
    label_of : int64, shape (n,)
        Label whose rule governs each of them.
    """

    rows: NDArray[np.int64]
    label_of: NDArray[np.int64]


def anchors(rules: Mapping[str, Any], roster: Roster) -> Anchors:
    """Anchors of the joint rules of a lane."""
    rows = roster.rows_of(rules)
    if not len(rows):
        return Anchors(rows, rows)
    of_row = np.unique(roster.classes, return_inverse=True)[1][roster.class_of[rows]]
    pairs = _groups(roster)[rows] * len(roster.classes) + of_row
    _, first = np.unique(pairs, return_index=True)
    mine = rows[np.sort(first)]
    return Anchors(mine, roster.class_of[mine])


def _groups(roster: Roster) -> NDArray[np.int64]:
    """Number of every channel's group."""
    return np.unique(np.asarray(roster.groups), return_inverse=True)[1].astype(np.int64)


class Witnesses:
    """Channels and rules that joint rules listen to.

    A term `<class>.<rule>` of a joint rule speaks for every channel of that class in the group of
    the joint rule's anchor. A term has a number: place of the joint rule, times 16, plus its place
    among the rule's terms.

    Parameters
    ----------
    at : Anchors
    terms : mapping of int to sequence of str
        Terms of the rule of each label.
    roster : Roster

    Attributes
    ----------
    rows : int64, shape (m,)
        Lane row of every witness, rising.
    rules : bytes of 32, shape (m,)
        Its rule.
    begins : int64, shape (m + 1,)
        Where the terms of each witness begin in `heeded`.
    heeded : int64, shape (k,)
        Terms that each witness speaks for, rising.
    """

    def __init__(self, at: Anchors, terms: Mapping[int, Sequence[str]], roster: Roster) -> None:
        names = sorted({term.rpartition(".")[2] for said in terms.values() for term in said})
        keys, numbers = _pairs(at, terms, names, roster)
        named, speaks = np.unique(keys, return_inverse=True)
        width = max(len(names), 1)
        self.rows = named // width
        self.rules = np.array(names, "S32")[named % width] if names else np.empty(0, "S32")
        order = np.lexsort((numbers, speaks))
        self.begins = np.searchsorted(speaks[order], np.arange(len(named) + 1))
        self.heeded = numbers[order]
        slot_of = np.array([roster.slots.get(name, -1) for name in names] or [-1], np.int64)
        slots = slot_of[named % width]
        known = np.flatnonzero(slots >= 0)
        keys = self.rows[known] * SLOTS + slots[known]
        order = np.argsort(keys)
        self._keys, self._known = keys[order], known[order]

    def heard(self, transitions: Transitions) -> Heard:
        """Level changes of witnesses among others, by rising ordinal."""
        if not len(transitions) or not len(self._keys):
            return NOTHING_HEARD
        keys = transitions["row"].astype(np.int64) * SLOTS + transitions["rule"]
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        mine = np.flatnonzero(self._keys[at] == keys)
        ordered = mine[np.lexsort((keys[mine], transitions["ordinal"][mine]))]
        said = transitions[ordered]
        return Heard(
            said["ordinal"].astype(np.int64),
            self._known[at[ordered]],
            said["now"].astype(np.uint8),
            said["time_ns"].astype(np.int64),
        )


def _pairs(
    at: Anchors, terms: Mapping[int, Sequence[str]], names: Sequence[str], roster: Roster
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Witnesses, as row times names plus place of the name, and the term each speaks for."""
    group_of = _groups(roster) if len(roster.class_of) else np.empty(0, np.int64)
    keys, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for label, said in terms.items():
        places = np.flatnonzero(at.label_of == label)
        place_of = np.full(int(group_of.max(initial=-1)) + 1, -1, np.int64)
        place_of[group_of[at.rows[places]]] = places
        for i, term in enumerate(said):
            class_name, _, rule = term.rpartition(".")
            of_class = np.array([name == class_name for name in roster.classes], np.bool_)
            rows = np.flatnonzero(of_class[roster.class_of])
            place = place_of[group_of[rows]]
            keys.append(rows[place >= 0] * len(names) + names.index(rule))
            numbers.append(place[place >= 0] * TERMS_MAX + i)
    return np.concatenate(keys), np.concatenate(numbers)
