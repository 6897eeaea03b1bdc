"""What a reload would forget: rules that give the state of their channels another meaning."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from configuration.configuration import Configuration
from configuration.pack import ClassPack
from configuration.rule_kinds import kinds
from contracts.catalogue import Catalogue
from detectors.base.meaning import fingerprint, words
from pipeline.lane.row_join import join_rows

_FUSED: Final = ("unusual", "frozen")  # `limit` and `silent` learn nothing


def forgotten(old: Configuration, new: Configuration) -> list[str]:
    """One line for each class and rule that would begin anew, with what has changed in it.

    Of channels that both configurations have, by the class, or variant of it, that governs them
    in the new one. A rule that is dropped forgets too.
    """
    lines = []
    for lifeline in sorted(old.partitions.keys() & new.partitions.keys()):
        pairs = _pairs((old, old.catalogues[lifeline]), (new, new.catalogues[lifeline]))
        for (was, now), channels in pairs.items():
            for rule, why in _changes((old, old.packs[was]), (new, new.packs[now])):
                noun = "channel" if channels == 1 else "channels"
                lines.append(f"{now}: {rule}: {channels} {noun} would learn anew: {why}")
    return lines


def _pairs(
    old: tuple[Configuration, Catalogue], new: tuple[Configuration, Catalogue]
) -> dict[tuple[str, str], int]:
    """Channels by the label that governed them and the one that will, sorted by the latter."""
    (before, former), (after, present) = old, new
    rows = join_rows(former.id_hashes, present.id_hashes)
    known = np.flatnonzero(rows >= 0)
    old_labels, old_of = before.labels(former)
    new_labels, new_of = after.labels(present)
    coded = new_of[known].astype(np.int64) * len(old_labels) + old_of[rows[known]]
    codes, counts = np.unique(coded, return_counts=True)
    found = {
        (old_labels[code % len(old_labels)], new_labels[code // len(old_labels)]): count
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    }
    return dict(sorted(found.items(), key=lambda one: (one[0][1], one[0][0])))


def _changes(
    old: tuple[Configuration, ClassPack], new: tuple[Configuration, ClassPack]
) -> Iterator[tuple[str, str]]:
    """Rules whose state would mean something else, and why."""
    (before, was), (after, now) = old, new
    for name in (*_FUSED, *kinds()):
        former, present = was.rule(name), now.rule(name)
        if former is None:
            continue
        if present is None:
            yield name, "the rule is dropped"
        elif _fingerprint(before, was, former) != _fingerprint(after, now, present):
            yield name, _why(was, now, name)


def _fingerprint(configuration: Configuration, pack: ClassPack, rule: Any) -> int:
    units = {
        one.class_name: one.unit
        for one in configuration.packs.values()
        if one.lifeline == pack.lifeline
    }
    return fingerprint(rule, pack.unit, pack.period.ns, units)


def _why(was: ClassPack, now: ClassPack, name: str) -> str:
    """The words that differ."""
    one, other = (words(p.rule(name), p.unit, p.period.ns) for p in (was, now))
    names = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
    told = [f"{key} was {_text(was, name, key)}, is {_text(now, name, key)}" for key in names]
    return "; ".join(told) or "the unit of a companion's class changes"


def _text(pack: ClassPack, name: str, key: str) -> str:
    """A word of a rule, or of its class, as people write it."""
    rule = pack.rule(name)
    value = getattr(rule, key) if key in rule.__struct_fields__ else getattr(pack, key)
    return str(value)
