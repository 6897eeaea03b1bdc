"""Class files: the structs of the rooms united into what an engineer writes of one class."""

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from alarms.class_words import NO_WORDS, ClassWords
from alarms.rationalisation import Rationalisation
from configuration.rule_kinds import BUILT_IN, kinds
from configuration.yaml.shape import BY_LOADER
from contracts.quantities import Duration
from detectors.base.kind import Kind
from detectors.channel.invalid import Invalid
from detectors.channel.silence import Silent
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.unusual import Unusual
from ingest.admit import Plausible

Unit = Annotated[str, Meta(min_length=1, max_length=20)]
Selectors = Annotated[tuple[str, ...], Meta(extra=BY_LOADER)]
Places = Annotated[dict[str, str], Meta(extra=BY_LOADER)]


class LimitRule(Limit, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits, and why they are there."""

    duty: Rationalisation


class UnusualRule(Unusual, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unusual values, and why they matter."""

    duty: Rationalisation


class FrozenRule(Frozen, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Values that stand still, and why that matters."""

    duty: Rationalisation


class SilentRule(Silent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Silence, and whose it is."""

    colour: Literal["blue", "yellow", "orange", "red"] = "blue"
    duty: Rationalisation


class InvalidRule(Invalid, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Readings of which none is valid, and whose they are."""

    colour: Literal["blue", "yellow", "orange", "red"] = "blue"
    duty: Rationalisation


class ClassPack(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"class_name": "class"},
):
    """Everything about one class of channels.

    Parameters
    ----------
    class_name : str
        `<lifeline>.<quantity>`; the key is `class`.
    unit : str
        Of the values after conversion.
    period : Duration
        How often a channel reports.
    plausible : Plausible
    life_safety : bool
        Lives depend on it at once, so that its channels are never shelved.
    words : ClassWords
        What its alarms call the quantity, the unit and the states.
    limit, unusual, silent, invalid, frozen : rule or None
        Lengths in periods are turned into time on load. `Pack` adds a field for every other kind.
    at : dict of str to str
        Rule name to `<file below the configuration folder>:<line>`; not written by people.
    selectors : tuple of str
        Overrides that the file holds, in order; not written by people in this form.
    applied : tuple of str
        Those of them that made this variant of the class, none for the class itself.
    """

    class_name: str
    unit: Unit
    period: Duration
    plausible: Plausible
    life_safety: bool = False
    words: ClassWords = NO_WORDS
    limit: LimitRule | None = None
    unusual: UnusualRule | None = None
    silent: SilentRule | None = None
    invalid: InvalidRule | None = None
    frozen: FrozenRule | None = None
    at: Places = msgspec.field(default_factory=dict)
    selectors: Selectors = ()
    applied: Selectors = ()

    @property
    def lifeline(self) -> str:
        """First part of the class's name."""
        return self.class_name.partition(".")[0]

    @property
    def label(self) -> str:
        """Name of the class, and of the overrides that made this variant of it."""
        return " ".join((self.class_name, *self.applied))

    def rule(self, name: str) -> Any:
        """A rule of the class, None where it has none of this name."""
        return getattr(self, name)


def _with_duty(kind: Kind) -> type[Any]:
    """What an engineer writes of a kind, with the reason why."""
    return msgspec.defstruct(
        f"{kind.config.__name__}Rule",
        [("duty", Rationalisation)],
        bases=(kind.config,),
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
    )


def _whole() -> type[Any]:
    """`ClassPack` with a field for every kind of rule that is there."""
    extra = [(name, _with_duty(kind) | None, None) for name, (_, kind) in kinds().items()]
    return msgspec.defstruct(
        "ClassPack",
        extra,
        bases=(ClassPack,),
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
        rename={"class_name": "class"},
    )


# What a class file holds, and the names of the rules in it.
if TYPE_CHECKING:
    Pack = ClassPack
else:
    Pack = _whole()
RULES: Final = (*BUILT_IN, *kinds())


def lengths_of(rule: Any) -> dict[str, int]:
    """Lengths of time that a rule has, ns, by key."""
    found = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return {name: value.ns for name, value in found.items() if isinstance(value, Duration)}


def in_time(value: Any, period: Duration) -> Any:
    """The same structs with lengths in periods turned into time."""
    if isinstance(value, Duration):
        return value.resolve(period)
    if isinstance(value, dict):
        return {key: in_time(item, period) for key, item in value.items()}
    if isinstance(value, list):
        return [in_time(item, period) for item in value]
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: in_time(getattr(value, name), period) for name in value.__struct_fields__}
    return type(value)(**fields)
