"""Text of a new class file and of the tests beside it, with placeholders that `check` refuses.

Keys of rules and what they mean are taken from the schema of class files, so that every kind of
rule that is installed has its skeleton.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Final

from configuration.class_schema import class_schema
from configuration.yaml.placeholders import placeholder

_MEANING_CHARS: Final = 70
_LOW: Final = placeholder("the value below which it is dangerous or leave out low")
_HIGH: Final = placeholder("the value above which it is dangerous or leave out high")
# Keys of which at least one is wanted although each by itself may be left out, and usual figures.
_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "limit": (
        f"  low: {{red: {_LOW}}}",
        f"  high: {{red: {_HIGH}}}",
        f"  on_delay: {placeholder('how long it must last before it rings such as 5 min')}",
        f"  off_delay: {placeholder('how long it must be over before it clears such as 30 min')}",
        f"  hysteresis: {placeholder('how far back inside it must come in the unit of the class')}",
    ),
    "silent": ("  after: 3 periods",),
    "invalid": ("  after: 3 periods", "  off_delay: 3 periods"),
}
_DUTY: Final = f"""\
  duty:
    cause: {placeholder("what usually lies behind it")}
    consequence: {placeholder("what happens if nobody acts")}
    respond:
      procedure: {placeholder("the name of the response sheet")}
      first:
        - {placeholder("what to do first")}
    owner:
      level: {placeholder("the desk that gets it; city or district or street or neighbourhood")}
      role: {placeholder("who must answer there")}
      within: {placeholder("the time to acknowledge such as 15 min")}
      then: {placeholder("the desk that is told when nobody did")}
    source: {placeholder("where these figures come from; standard or manual or who decided")}
"""


@dataclass(frozen=True, slots=True)
class NewClass:
    """What is known of a class before it is written.

    Parameters
    ----------
    name : str
        `<lifeline>.<quantity>`.
    unit : str
    period : str
        How often a channel reports: `60 s`.
    span : tuple of float
        Smallest and largest value that can be true, in the unit.
    rules : sequence of str
        Keys of rules, as the class file has them.
    channel : str
        One that tests are written for.
    """

    name: str
    unit: str
    period: str
    span: tuple[float, float]
    rules: Sequence[str]
    channel: str


def class_text(new: NewClass) -> str:
    """Text of the class file."""
    low, high = new.span
    head = f"""\
class: {new.name}
unit: {json.dumps(new.unit, ensure_ascii=False)}
period: {new.period}
plausible: {{range: [{low:g}, {high:g}], future: 5 min, back_fill: 10 min}}
words:
  quantity:
    en: {placeholder("what operators call it in English")}
    zh: {placeholder("what operators call it in Chinese")}
"""
    known = class_schema()["properties"]
    return head + "".join(f"\n{rule}:\n{_rule(rule, known[rule])}" for rule in new.rules)


def _rule(rule: str, schema: Mapping[str, Any]) -> str:
    """Lines of one rule: what it cannot go without, and its duty."""
    return "".join(f"{line}\n" for line in _USUAL.get(rule) or _required(schema)) + _DUTY


def _required(schema: Mapping[str, Any]) -> Iterator[str]:
    for key in schema["required"]:
        if key != "duty":
            said = schema["properties"][key].get("description", f"the value of {key}")
            yield f"  {key}: {placeholder(_plain(said))}"


def _plain(text: str) -> str:
    """A meaning as a plain scalar of YAML can hold it, in a few words."""
    first = text.partition(". ")[0].rstrip(".").replace(": ", " ").replace(" #", " ")
    clean = "".join(sign for sign in first if sign not in "<>[]{}`")
    return shorten(clean[:1].lower() + clean[1:], _MEANING_CHARS, placeholder="…")


def tests_text(new: NewClass) -> str:
    """Text of the rule tests beside the class file."""
    calm = placeholder("a usual value")
    rings = f"""
  - name: a value beyond a limit rings after the on-delay
    every: {new.period}
    series: {{{new.channel}: "{calm}x30 {placeholder("a value beyond the limit")}x30"}}
    expect:
      - at: {placeholder("the time of the first value beyond it and the on-delay such as 35 min")}
        rule: limit
        colour: {placeholder("the colour of the limit")}
"""
    return f"""\
tests:
  - name: usual values ring nothing
    every: {new.period}
    series: {{{new.channel}: "{calm}x60"}}
    expect: []
{rings if "limit" in new.rules else ""}"""
