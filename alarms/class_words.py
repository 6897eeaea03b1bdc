"""Words of a class: what its alarms call the quantity, its unit and its states."""

from typing import Annotated

import msgspec
from msgspec import Meta

from alarms.rationalisation import Text


class ClassWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Words of a class in both languages, which the sentences of its alarms use.

    Parameters
    ----------
    quantity : Text or None
        What is measured: `pressure`, or whose states are told: `breaker`.
    unit : Text or None
        The unit as it is read, where that is a word: `people/h`; most units spell themselves.
    decimals : int or None
        Decimals of its figures; without, three or four digits are shown.
    states : dict of str to Text
        Word of each code, for a class whose values are states.
    """

    quantity: Text | None = None
    unit: Text | None = None
    decimals: Annotated[int, Meta(ge=0, le=9)] | None = None
    states: dict[str, Text] = msgspec.field(default_factory=dict)


NO_WORDS = ClassWords()
