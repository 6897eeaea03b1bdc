"""Rules of a group that ring together: all, any or some of them, within a time."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.transition import NEVER, TRANSITION, Colour, Transitions, end_to_end, no_transitions
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, new_levels, ring, views
from detectors.base.meaning import fingerprints, same_meaning
from detectors.base.row_rule import NOTES, joined
from detectors.group.witnesses import NOTHING_HEARD, TERMS_MAX, Heard, Witnesses, anchors


def terms_hash(terms: tuple[str, ...]) -> bytes:
    """Sixteen letters that stand for some terms in their order."""
    return hashlib.blake2b("\0".join(terms).encode(), digest_size=8).hexdigest().encode()


NAME: Final = "joint"
_SCORED: Final = int(Disposition.SCORED)

Term = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]


class Some(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At least so many of some rules.

    Parameters
    ----------
    of : list of str
        Rules, as for `all`.
    least : int
        How many of them must have rung.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"least"})

    of: list[Term]
    least: Annotated[int, Meta(ge=1, le=TERMS_MAX)]


class Joint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when several rules of one group ring, each of them now or a short time ago.

    A rule is named `<class>.<rule>` (`water.pressure.fall`) and speaks for all channels of that
    class in the group: it has rung while one of them is at `at_least` or worse, and for `within`
    after the last of them eased. Just one of `all`, `any` and `some` is written. The rule stands
    in the file of the anchor's class; its alarm is told on the first channel of that class in the
    group, `observed` is how many have rung and `expected` how many had to.

    Two independent witnesses confirm a finding, so any colour is allowed here although each of
    them alone may stop at yellow.

    Parameters
    ----------
    all : list of str or None
        Rules that all must have rung.
    any : list of str or None
        Rules of which one is enough.
    some : Some or None
        Rules of which `least` are needed.
    colour : {"blue", "yellow", "orange", "red"}
        Colour that rings.
    within : Duration
        How long a rule that eased is still counted, by event time: the latest that the anchor
        or a level change of the rules named told.
    at_least : {"blue", "yellow", "orange", "red"}
        Level of a rule that counts.
    on_delay, off_delay : Duration
        As for limits.

    References
    ----------
    Rule 2 of section 0.3 of the domain notes: a statistical finding is confirmed by a second
    independent sensor. State: 289 bytes for each group, and 73 for each channel and
    rule named.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"period", "unit", "within"})

    colour: Literal["blue", "yellow", "orange", "red"]
    all_of: list[Term] | None = msgspec.field(name="all", default=None)
    any_of: list[Term] | None = msgspec.field(name="any", default=None)
    some: Some | None = None
    within: Duration = Duration("0 s")
    at_least: Literal["blue", "yellow", "orange", "red"] = "blue"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")

    @property
    def terms(self) -> tuple[str, ...]:
        """The rules named, whichever way they are written."""
        some = [] if self.some is None else self.some.of
        return (*(self.all_of or []), *(self.any_of or []), *some)

    @property
    def least(self) -> int:
        """How many of the terms must have rung."""
        if self.some is not None:
            return self.some.least
        return 1 if self.any_of else len(self.terms)


def faults(rule: Joint, scene: Scene) -> Iterator[Fault]:
    """None or several of the three ways, a rule twice, more rules needed than named."""
    del scene
    ways = {"all": rule.all_of, "any": rule.any_of, "some": rule.some}
    written = [word for word, way in ways.items() if way is not None]
    if len(written) != 1:
        got = " and ".join(written) or "none"
        yield (), f"expected one of all, any and some, got {got}; write one"
        return
    path = (written[0], "of") if rule.some else (written[0],)
    terms = rule.terms
    if not 1 <= len(terms) <= TERMS_MAX:
        yield path, f"expected 1 to {TERMS_MAX} rules, got {len(terms)}; name what must ring"
    for term in sorted({term for term in terms if terms.count(term) > 1}):
        yield path, f"expected each rule once, got {term!r} again; keep one"
    if terms and rule.least > len(terms):
        text = f"expected at most the {len(terms)} rules named, got {rule.least}"
        yield ("some", "least"), f"{text}; it could never ring"
    if any(term.endswith((f".{NAME}", ".silent", ".invalid")) for term in terms):
        text = "expected rules that readings advance, got joint, silent or invalid"
        yield path, f"{text}; they ring by the lane's time, not by a reading"


# The same of every joint rule: last time, when each term eased, how many channels of each term
# ring, whether its group is not calm; and the colour of every witness.
State = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.bool_],
    NDArray[np.uint8],
]
_PARAMS: Final = np.dtype(
    [
        (word, np.int64)
        for word in ("least", "colour", "at_least", "within_ns", "on_ns", "off_ns", "terms")
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _touch(touched: Any, n: int, place: int, time_ns: int) -> int:
    """Note that a joint rule is to be judged by a time, places rising; how many there are."""
    places, times = touched
    at = n
    while at > 0 and places[at - 1] > place:
        at -= 1
    if at > 0 and places[at - 1] == place:
        times[at - 1] = time_ns
        return n
    for i in range(n, at, -1):
        places[i], times[i] = places[i - 1], times[i - 1]
    places[at], times[at] = place, time_ns
    return n + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _speak(tables: Any, state: State, said: Any, touched: Any, n: int) -> int:
    """Let a witness speak: the rules that heed it are touched; how many there are by then."""
    params, params_of, begins, heeded = tables
    clock, eased, ringing, _, lit = state
    witness, colour, time_ns = said
    was, lit[witness] = lit[witness], colour
    for k in range(begins[witness], begins[witness + 1]):
        place, term = heeded[k] // TERMS_MAX, heeded[k] % TERMS_MAX
        n = _touch(touched, n, place, time_ns)
        least = params[params_of[place]].at_least
        if was >= least > colour:
            eased[place, term] = max(clock[place], time_ns)
            ringing[place, term] -= 1
        elif colour >= least > was:
            ringing[place, term] += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _rung(p: Any, state: State, place: int) -> int:
    """Terms that ring, or eased less than `within` ago."""
    clock, eased, ringing, _, _ = state
    rung, since = 0, clock[place] - p.within_ns
    for term in range(p.terms):
        rung += ringing[place, term] > 0 or eased[place, term] > since
    return rung


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(
    levels: Levels, p: Any, state: State, reading: tuple[int, int, int, int], transition: Any
) -> bool:
    """Advance the level of one joint rule; whether it changed."""
    clock, _, _, awake, _ = state
    ordinal, row, place, time_ns = reading
    clock[place] = now = max(clock[place], time_ns)
    rung = _rung(p, state, place)
    colour = p.colour if rung >= p.least else 0
    delays = (p.on_ns, p.off_ns)
    changed = ring(levels, (ordinal, row, place, now), (colour, colour), delays, transition)
    if changed:
        figures(transition, rung, p.least, np.nan, rung)
    awake[place] = rung > 0 or levels[0][place].level > 0
    return bool(changed)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(  # noqa: PLR0913, PLR0917 - a kernel takes columns
    levels: Levels,
    tables: Any,
    state: State,
    columns: Any,
    heard: Any,
    span: tuple[int, int],
    transitions: NDArray[np.void],
) -> tuple[int, int, int]:
    """Judge joint rules at level changes of witnesses, and at readings of anchors looked at.

    Returns
    -------
    (int, int, int)
        Reading to go on with, level change to go on with, how many transitions were written.
    """
    params, params_of, begins, _ = tables
    place_of, looked, rows, row_of, time_of, disposition = columns
    ordinals, witnesses, colours, times = heard[0]
    next_heard, told = heard[1], 0
    touched = np.empty(len(transitions), np.int64), np.empty(len(transitions), np.int64)
    for i in range(span[0], span[1]):
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        look = place >= 0 and looked[place]
        end, most = next_heard, 1
        while end < len(ordinals) and ordinals[end] == i:
            most += begins[witnesses[end] + 1] - begins[witnesses[end]]
            end += 1
        if not look and end == next_heard:
            continue
        if told + most > len(transitions):
            return i, next_heard, told
        n = _touch(touched, 0, place, time_of[i]) if look else 0
        for k in range(next_heard, end):
            n = _speak(tables, state, (witnesses[k], colours[k], times[k]), touched, n)
        next_heard = end
        for k in range(n):
            reading = (i, rows[touched[0][k]], touched[0][k], touched[1][k])
            told += _judge(levels, params[params_of[reading[2]]], state, reading, transitions[told])
    return span[1], next_heard, told


class Joints:
    """Joint rules of one lane: each listens to the level changes of the rules that it names."""

    def __init__(self, slot: int, rules: Mapping[str, Joint], roster: Roster) -> None:
        self._slot = slot
        at = anchors(rules, roster)
        self._rows = at.rows
        self._place = np.full(len(roster.class_of), -1, np.int32)
        self._place[self._rows] = np.arange(len(self._rows))
        ordered = sorted(rules)
        number = {label: i for i, label in enumerate(ordered)}
        of_label = np.array([number.get(label, -1) for label in roster.labels], np.int64)
        self._rule_of = of_label[at.label_of]
        self._params = np.array([_figures(rules[label]) for label in ordered], _PARAMS)
        self._hashes = np.array([terms_hash(rules[label].terms) for label in ordered], "S16")
        terms = {i: rules[label].terms for i, label in enumerate(roster.labels) if label in rules}
        self._witnesses = Witnesses(at, terms, roster)
        self._heard = NOTHING_HEARD
        self._meaning = fingerprints(rules, roster)[self._rule_of]
        self.relearning = 0
        self._begin()

    def _begin(self) -> None:
        n = len(self._rows)
        self._clock = np.full(n, NEVER, np.int64)
        self._eased = np.full((n, TERMS_MAX), NEVER, np.int64)
        self._lit = np.zeros(len(self._witnesses.rows), np.uint8)
        self._levels = new_levels(n)
        self._ringing = np.zeros((n, TERMS_MAX), np.int32)
        self._awake = np.zeros(n, np.bool_)

    def hear(self, transitions: Transitions) -> None:
        """Take the level changes of other rules in the span that `score` is asked for next."""
        self._heard = self._witnesses.heard(transitions)

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge groups at level changes of their rules and at readings of their anchors.

        Only anchors of groups that are not calm are looked at, now or after one of the changes.
        """
        del columns
        heard, self._heard = self._heard, NOTHING_HEARD
        if not len(heard.ordinal) and not self._awake.any():
            return no_transitions()
        looked, stirred = self._awake.copy(), self._stirred(heard)
        looked[stirred] = True
        readings = (self._place, looked, self._rows, batch.row, batch.time_ns, disposition)
        room = np.zeros(max(NOTES, len(stirred) + 1), TRANSITION)
        (first, last), next_heard, found = span, 0, []
        while first < last:
            first, next_heard, told = _kernel(
                views(self._levels),
                (self._params, self._rule_of, self._witnesses.begins, self._witnesses.heeded),
                (self._clock, self._eased, self._ringing, self._awake, self._lit),
                readings,
                (heard, next_heard),
                (first, last),
                room,
            )
            if told:
                found.append(room[:told].copy())
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def _stirred(self, heard: Heard) -> NDArray[np.int64]:
        """Joint rules that heed the witnesses of some level changes, once for each of these."""
        begins, ends = self._witnesses.begins[:-1], self._witnesses.begins[1:]
        count = (ends - begins)[heard.witness]
        skipped = np.repeat(np.cumsum(count) - count, count)
        at = np.repeat(begins[heard.witness], count) + np.arange(count.sum()) - skipped
        stirred: NDArray[np.int64] = self._witnesses.heeded[at] // TERMS_MAX
        return stirred

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {
            f"{NAME}.rows": self._rows,
            f"{NAME}.clock": self._clock,
            f"{NAME}.eased": self._eased,
            f"{NAME}.terms": self._terms(),
            f"{NAME}.levels": self._levels,
            f"{NAME}.meaning": self._meaning,
            f"{NAME}.witnesses": self._witnesses.rows,
            f"{NAME}.rules": self._witnesses.rules,
            f"{NAME}.lit": self._lit,
        }

    def _terms(self) -> NDArray[np.bytes_]:
        """Hash of each joint rule's terms: what eased is kept only where they are the same."""
        hashes: NDArray[np.bytes_] = self._hashes[self._rule_of]
        return hashes

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state; a witness that is new is calm until its next level change."""
        self._begin()
        self.relearning = 0
        if f"{NAME}.rows" not in arrays:
            return
        mine, theirs = joined(old_row[self._rows], arrays[f"{NAME}.rows"])
        self._clock[mine] = arrays[f"{NAME}.clock"][theirs]
        self._levels[mine] = arrays[f"{NAME}.levels"][theirs]
        same = self._terms()[mine] == arrays[f"{NAME}.terms"][theirs]
        same &= same_meaning(NAME, arrays, self._meaning, (mine, theirs))
        self.relearning = int(np.count_nonzero(~same))
        self._eased[mine[same]] = arrays[f"{NAME}.eased"][theirs[same]]
        self._take_colours(arrays, old_row)
        self._wake()

    def _take_colours(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Colours of the witnesses that were there, by row and rule."""
        had, rules = arrays[f"{NAME}.witnesses"], arrays[f"{NAME}.rules"]
        names, number = np.unique(
            np.concatenate([rules, self._witnesses.rules]), return_inverse=True
        )
        theirs = had * len(names) + number[: len(had)]
        rows = old_row[self._witnesses.rows]
        wanted = np.where(rows >= 0, rows * len(names) + number[len(had) :], -1)
        order = np.argsort(theirs)
        mine, at = joined(wanted, theirs[order])
        self._lit[mine] = arrays[f"{NAME}.lit"][order[at]]

    def _wake(self) -> None:
        """Count what rings, and tell which groups are not calm, from state that was taken over."""
        heeded, begins = self._witnesses.heeded, self._witnesses.begins
        least = self._params["at_least"][self._rule_of][heeded // TERMS_MAX]
        lit = np.repeat(self._lit, np.diff(begins)) >= least
        np.add.at(self._ringing.reshape(-1), heeded[lit], 1)
        since = np.maximum(self._clock, 0) - self._params["within_ns"][self._rule_of]
        rung = (self._ringing > 0) | (self._eased > since[:, None])
        self._awake = rung.any(axis=1) | (self._levels["level"] > 0)


def _figures(rule: Joint) -> tuple[int, ...]:
    """Parameters of a joint rule, as `_PARAMS` has them."""
    colours = int(Colour[rule.colour.upper()]), int(Colour[rule.at_least.upper()])
    spans = rule.within.ns, rule.on_delay.ns, rule.off_delay.ns
    return (rule.least, *colours, *spans, len(rule.terms))


def refers(rule: Joint) -> Iterator[tuple[tuple[str, ...], str]]:
    """Rules of other classes that this one names, `<class>.<rule>`, and where."""
    path = ("all",) if rule.all_of else ("any",) if rule.any_of else ("some", "of")
    for term in rule.terms:
        yield path, term


JOINT: Final = Kind(
    NAME,
    Joint,
    Joints,
    "joint",
    fields=frozenset({"observed", "expected", "score"}),
    faults=faults,
    refers=refers,
)
