"""What gives stored state its meaning: a fingerprint of a rule without the words of when it rings.

A profile by hours means nothing to a rule with half hours, though both fit into the same array;
with another band it is as good as before. So state is kept across a change of configuration by
the fingerprint of its rule: of all that is written in it but the words that only say when to ring.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.quantities import Quantity
from detectors.base.kind import Roster

# Words of every kind of rule that only say when it rings, how, and for whom.
WHEN_TO_RING: Final = frozenset(
    {"at_most", "colour", "on_delay", "off_delay", "hysteresis", "relearn_after", "duty"}
)
UNIT: Final = "unit"
PERIOD: Final = "period"


def state_free(rule: type[Any]) -> frozenset[str]:
    """Words of a struct that may change while state is kept.

    A config struct lists its own as `STATE_FREE: ClassVar[frozenset[str]]`, and `unit` and
    `period` of the class too where its state does not depend on them. What is not listed is
    meaning: a kind that lists nothing forgets too much, never too little.
    """
    own: frozenset[str] = getattr(rule, "STATE_FREE", frozenset())
    return WHEN_TO_RING | own


def words(rule: Any, unit: str, period_ns: int) -> dict[str, Any]:
    """What a rule's state means, by field, as plain data; `unit` and `period` are of its class.

    A field at its default is left out, so that a release that adds a field forgets nothing.

    >>> from contracts.quantities import Duration
    >>> from detectors.channel.slope import Fall
    >>> from detectors.base.thresholds import Steps
    >>> words(Fall(over=Duration("1 h"), by=Steps(red=1.0)), "MPa", 60)
    {'unit': 'MPa'}
    """
    free = state_free(type(rule))
    of_class = {UNIT: unit, PERIOD: period_ns}
    return {**_fields(rule), **{name: of_class[name] for name in of_class if name not in free}}


def fingerprint(rule: Any, unit: str, period_ns: int, units: Mapping[str, str]) -> int:
    """Sixty-four bits that stand for the meaning of a rule's state.

    Parameters
    ----------
    rule : msgspec.Struct
        Lengths in time already.
    unit : str
        Of the rule's class.
    period_ns : int
        Reporting period of the rule's class.
    units : mapping of str to str
        Unit of every class: what was learned of a companion is in the unit of its class.
    """
    meant = words(rule, unit, period_ns)
    named = {name: units[name] for name in sorted(set(_texts(meant)) & units.keys())}
    return _hash(json.dumps([meant, named], sort_keys=True, separators=(",", ":")))


def fingerprints(rules: Mapping[str, Any], roster: Roster) -> NDArray[np.uint64]:
    """Fingerprint of each rule, uint64, by sorted label."""
    period_ns = dict(zip(roster.labels, roster.period_ns, strict=True))
    class_of = dict(zip(roster.labels, roster.classes, strict=True))
    units = roster.units
    return np.array(
        [
            fingerprint(rules[label], units.get(class_of[label], ""), period_ns[label], units)
            for label in sorted(rules)
        ],
        np.uint64,
    )


def same_meaning(
    name: str,
    arrays: Mapping[str, NDArray[Any]],
    meaning: NDArray[np.uint64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """Whether state means what it meant, for each pair of a present place and a former one.

    Snapshots of earlier releases hold no fingerprints: their state is taken to mean the same.
    """
    mine, theirs = pairs
    had = arrays.get(f"{name}.meaning")
    return np.ones(len(mine), np.bool_) if had is None else meaning[mine] == had[theirs]


def units_of(rows: NDArray[np.int64], roster: Roster) -> NDArray[np.uint64]:
    """Hash of the unit of some lane rows, shape (n,): of those whose values are kept as read."""
    hashes = [_hash(roster.units.get(name, "")) for name in roster.classes]
    return np.array(hashes, np.uint64)[roster.class_of[rows]]


def same_unit(
    name: str,
    arrays: Mapping[str, NDArray[Any]],
    units: NDArray[np.uint64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """Whether what was said is in the unit of now, by pair, as `same_meaning`."""
    mine, theirs = pairs
    had = arrays.get(f"{name}.units")
    return np.ones(len(mine), np.bool_) if had is None else units[mine] == had[theirs]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _fields(struct: Any) -> dict[str, Any]:
    free = state_free(type(struct))
    found = {}
    for field in msgspec.structs.fields(type(struct)):
        value = _plain(getattr(struct, field.name))
        if field.name not in free and (field.required or value != _plain(_default(field))):
            found[field.name] = value
    return found


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _plain(value: Any) -> Any:
    """Plain data that is equal where the meaning is: `60 min` is `1 h`."""
    if isinstance(value, Quantity):
        return [getattr(value, name) for name in type(value).__slots__]
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
