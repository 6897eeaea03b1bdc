"""Why a rule exists and what people do when it rings: what an engineer writes of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.quantities import Duration

Words = Annotated[str, Meta(min_length=1, max_length=500)]


class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sentence of the alarm in both languages, with fields in braces.

    Fields: `{name}` of the channel, `{observed}`, `{expected}`, `{threshold}`, `{low}`, `{high}`,
    `{score}` that the rule judged, `{unit}`, `{colour}`, `{lasted}` since the onset.
    """

    en: Words
    zh: Words


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
    say : Say
        The sentence an operator reads.
    source : str
        Where the rule's figures come from.
    """

    cause: Words
    consequence: Words
    respond: Respond
    owner: Owner
    say: Say
    source: Words
