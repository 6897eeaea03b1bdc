"""Why a rule exists and what people do when it rings: what an engineer writes of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import Duration

Words = Annotated[str, Meta(min_length=1, max_length=500)]


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages."""

    en: Words
    zh: Words


class Say(Text, frozen=True, forbid_unknown_fields=True):
    """Sentence of the alarm in both languages, with fields in braces.

    `{finding}` is what the rule found, told with its figures; `{name}` that of the channel;
    `{quantity}`, `{unit}` and `{colour}` are words; `{lasted}` is how long the trouble has lasted
    since its onset, `{hold}` the on-delay; a length that the rule has goes by its key: `{over}`.
    The figures `{observed}`, `{expected}`, `{threshold}`, `{low}`, `{high}` and `{score}` may say
    how they are written: `{observed:unit}` with the unit of the class.
    """


class Respond(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Response sheet: its name and the first steps."""

    procedure: Words
    first: Annotated[list[Words], Meta(min_length=1, max_length=10)]


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who must acknowledge, how soon, and who is told next.

    Parameters
    ----------
    level : {"city", "district", "street", "neighbourhood"}
        Desk that gets the alarm.
    role : str
        Who it is there.
    within : Duration
        Time to acknowledge.
    then : {"city", "district", "street", "neighbourhood"}
        Desk that is told when nobody did.
    """

    level: Literal["city", "district", "street", "neighbourhood"]
    role: Words
    within: Duration
    then: Literal["city", "district", "street", "neighbourhood"]


class Rationalisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rationalisation of a rule, in the sense of ISA-18.2: without it a rule is refused.

    Parameters
    ----------
    cause, consequence : str
        What usually lies behind it, and what happens if nobody acts.
    respond : Respond
        What to do first.
    owner : Owner
        Who does it, and by when.
    say : Say or None
        The sentence an operator reads; by default `{name}: {finding}.`
    findings : dict of str to Say
        Sentence of single findings in its place: `high`, `stuck`.
    source : str
        Where the rule's figures come from.
    """

    cause: Words
    consequence: Words
    respond: Respond
    owner: Owner
    say: Say | None = None
    findings: dict[str, Say] = msgspec.field(default_factory=dict)
    source: Words
