"""What makes no sense in a class file although every value by itself is allowed."""

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import structs

from alarms.class_words import ClassWords
from alarms.figures import FORMS
from alarms.rationalisation import Rationalisation, Text
from configuration.checks.limits import check_limit
from configuration.pack import (
    RULES,
    FrozenRule,
    InvalidRule,
    LimitRule,
    SilentRule,
    UnusualRule,
    in_time,
)
from configuration.rule_kinds import findings_of, kinds
from configuration.yaml.fill import Page
from configuration.yaml.findings import Path, closest, nearest
from contracts.quantities import Duration
from detectors.base.kind import Fault, Scene
from detectors.base.row_rule import VALUE
from detectors.channel.invalid import LEAST
from detectors.fused import frozen
from detectors.fused.unusual import sum_faults
from ingest.admit import Plausible

# With `fill.PERIODS_MAX` periods still far inside 64 bits of nanoseconds.
PERIOD_MAX: Final = Duration("31 d")
CLASS = re.compile(r"[a-z][a-z0-9_-]{0,31}\.[a-z][a-z0-9_]{0,63}")

# Fields of a sentence that have a figure under each rule; the others would read "-".
_FIGURES: Final = frozenset({"observed", "expected", "low", "high", "score", "threshold"})
_COMMON: Final = frozenset({"name", "finding", "quantity", "unit", "colour", "lasted", "hold"})


def _fields_of(config: type[Any], figures: Iterable[str]) -> frozenset[str]:
    """Fields of the sentences of a rule: lengths of time that it has go by their keys."""
    lengths = {one.encode_name for one in structs.fields(config) if one.type is Duration}
    return _COMMON | set(figures) | lengths


FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "limit": _fields_of(LimitRule, {"observed", "threshold"}),
    "unusual": _fields_of(UnusualRule, {"observed", "expected", "low", "high"}),
    "silent": _fields_of(SilentRule, ()),
    "invalid": _fields_of(InvalidRule, ()),
    "frozen": _fields_of(FrozenRule, {"observed", "score"}),
    **{name: _fields_of(kind.config, kind.fields) for name, (_, kind) in kinds().items()},
}
_ALL: Final = frozenset().union(*FIELDS.values())


def check_pack(fields: Mapping[str, Any], lifeline: str, page: Page) -> None:
    """Note what makes no sense.

    Parameters
    ----------
    fields : mapping
        Those fields of a `ClassPack` that could be read.
    lifeline : str
        Folder of the file.
    page : Page
    """
    name, plausible = fields.get("class_name"), fields.get("plausible")
    if name is not None:
        _judge_name(name, lifeline, page)
    if plausible is not None and not _judge_plausible(plausible, page):
        plausible = None
    if (limit := fields.get("limit")) is not None:
        check_limit(limit, plausible, page)
    if (unusual := fields.get("unusual")) is not None:
        _judge_unusual(unusual, plausible, page)
    for rule in RULES:
        if rule in fields:
            _judge_duty(fields[rule].duty, rule, page)
    if (said := fields.get("words")) is not None:
        _judge_words(said, page)
    _judge_times(fields, page)


def _judge_words(said: ClassWords, page: Page) -> None:
    for code in said.states:
        if not code.removeprefix("-").isdecimal():
            text = f"expected a whole number as code, got {code!r}"
            page.find(("words", "states", code), text, key=True)


def _judge_kinds(fields: Mapping[str, Any], plausible: Plausible, page: Page) -> None:
    """What each kind of rule finds in its own words."""
    period = fields["period"]
    scene = Scene(*plausible.range, period)
    if "frozen" in fields:
        _take("frozen", frozen.faults(in_time(fields["frozen"], period), scene), page)
    made = {VALUE}
    for name, (_, kind) in kinds().items():  # in the order in which they run
        if name in fields:
            source = getattr(fields[name], "of", VALUE)
            if isinstance(source, str) and source not in made:
                text = f"expected a column that the class has by then, got {source!r}"
                page.find((name, "of"), f"{text}; {nearest(source, made)}")
            _take(name, kind.faults(in_time(fields[name], period), scene), page)
            made |= {kind.makes} - {""}


def _take(name: str, found: Iterable[Fault], page: Page) -> None:
    for path, text in found:
        page.find((name, *path), text, key=not path)


def _judge_times(fields: Mapping[str, Any], page: Page) -> None:
    period = fields.get("period")
    if period is None:
        return
    if period.periods or not 0 < period.ns <= PERIOD_MAX.ns:
        page.refuse(("period",), f"a time above 0 and at most {PERIOD_MAX}", str(period))
        return
    if fields.get("plausible") is not None:
        _judge_kinds(fields, fields["plausible"], page)
    if "silent" in fields:
        _judge_silent(fields["silent"], period, page)
    if "invalid" in fields:
        _judge_invalid(fields["invalid"], period, page)
    if "unusual" in fields:
        _take("unusual", sum_faults(in_time(fields["unusual"], period)), page)
        _judge_delays(fields.get("limit"), fields["unusual"], period, page)


def _judge_name(name: str, lifeline: str, page: Page) -> None:
    if not CLASS.fullmatch(name):
        page.refuse(("class",), f"a name such as '{lifeline}.pressure'", name)
    elif not name.startswith(f"{lifeline}."):
        advice = "move the file or rename the class"
        page.refuse(("class",), f"a class of the folder's lifeline, '{lifeline}.…'", name, advice)


def _judge_plausible(plausible: Plausible, page: Page) -> bool:
    low, high = plausible.range
    if plausible.fastest is not None and plausible.fastest.per_s <= 0:
        text = str(plausible.fastest)
        page.refuse(("plausible", "fastest"), "a change above 0", text, "leave it out if unknown")
    if low >= high:
        page.find(("plausible", "range"), f"expected [smallest, largest], got [{low}, {high}]")
    return low < high


def _judge_unusual(unusual: UnusualRule, plausible: Plausible | None, page: Page) -> None:
    band, back = unusual.band, unusual.hysteresis
    if not band.count:
        page.refuse(("unusual", "band"), "more than 0 sigma", str(band))
    elif back.count >= band.count:
        advice = "it could never clear, lower it"
        page.refuse(("unusual", "hysteresis"), f"below the band ({band})", str(back), advice)
    if plausible is not None:
        width = plausible.range[1] - plausible.range[0]
        if band.count * unusual.floor >= width:
            text = f"expected below {width / max(band.count, 1e-9):g}, got {unusual.floor}"
            advice = "the band would be wider than the plausible range, lower it"
            page.find(("unusual", "floor"), f"{text}; {advice}")


def _judge_delays(
    limit: LimitRule | None, unusual: UnusualRule, period: Duration, page: Page
) -> None:
    """A gate that opens before a rule rings would learn the fault as normal."""
    opens = unusual.relearn_after
    for rule, key in ((limit, "limit"), (unusual, "unusual")):
        if rule is None:
            continue
        longest = max(_on_delays(rule), key=lambda delay: delay.resolve(period).ns)
        if opens.resolve(period).ns <= longest.resolve(period).ns:
            word = "on_delay" if longest == rule.on_delay else "on_delays"
            expected = f"longer than {key}.{word} ({longest})"
            advice = "a fault would be learned before it rings, raise it"
            page.refuse(("unusual", "relearn_after"), expected, str(opens), advice)
            return


def _on_delays(rule: LimitRule | UnusualRule) -> list[Duration]:
    own = getattr(rule, "on_delays", None)
    by_colour = [] if own is None else structs.astuple(own)
    return [rule.on_delay, *(delay for delay in by_colour if delay is not None)]


def _judge_silent(silent: SilentRule, period: Duration, page: Page) -> None:
    if silent.after.resolve(period).ns <= period.ns:
        advice = "every channel would ring between two readings, raise it"
        page.refuse(
            ("silent", "after"), f"longer than the period ({period})", str(silent.after), advice
        )


def _judge_invalid(invalid: InvalidRule, period: Duration, page: Page) -> None:
    if invalid.after.resolve(period).ns < LEAST * period.ns:
        expected = f"at least {LEAST} periods of {period}"
        advice = f"it could never ring, for it wants {LEAST} readings; raise it"
        page.refuse(("invalid", "after"), expected, str(invalid.after), advice)


def _judge_duty(duty: Rationalisation, rule: str, page: Page) -> None:
    path = (rule, "duty")
    within = duty.owner.within
    if not within.ns and not within.periods:
        page.refuse((*path, "owner", "within"), "a time above 0", str(within))
    if duty.say is not None:
        _judge_say(duty.say, rule, (*path, "say"), page)
    known = [name for name in findings_of(rule) if name]
    for name, say in duty.findings.items():
        if name in known:
            _judge_say(say, rule, (*path, "findings", name), page)
        else:
            text = f"expected something that {rule} can find, got {name!r}"
            advice = nearest(name, known) if known else "it finds one thing, write `say` instead"
            page.find((*path, "findings", name), f"{text}; {advice}", key=True)


def _judge_say(say: Text, rule: str, path: Path, page: Page) -> None:
    for language in ("en", "zh"):
        _judge_sentence(getattr(say, language), FIELDS[rule], (*path, language), page)


def _judge_sentence(template: str, known: frozenset[str], path: Path, page: Page) -> None:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        page.find(path, f"expected fields such as `{{name}}`, got an error: {error}; mind braces")
        return
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if conversion or (form and not (field in _FIGURES and form in FORMS)):
            text = f"expected `{{{field}}}`, got a format with it"
            page.find(path, f"{text}; {_advice(field, form)}")
        if field in _ALL and field not in known:
            text = f"expected a field that this rule fills, got `{{{field}}}`"
            page.find(path, f"{text}; it would read '-', {nearest('', known)}")
        elif field not in known:
            page.find(path, f"unknown field `{{{field}}}`; {nearest(field, known)}")


def _advice(field: str, form: str | None) -> str:
    """What to write in place of a format."""
    close = closest(form or "", FORMS) if field in _FIGURES else None
    return f"nearest is {close!r}" if close else "figures are rounded already, leave it out"
