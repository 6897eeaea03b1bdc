"""Rules of a group that ring together: all, any or some of them, within a time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.transition import NEVER, TRANSITION, Colour, Transitions, end_to_end, no_transitions
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import figures, new_levels, ring, views
from detectors.base.meaning import fingerprints, same_meaning
from detectors.base.row_rule import joined

SLOTS: Final = 256


class Heard(NamedTuple):
    """A level change of a witness: where in the batch, which of them, its colour, when."""

    ordinal: int
    witness: int
    colour: int
    time_ns: int


class Witnesses:
    """Channels and rules that joint rules listen to.

    A term `<class>.<rule>` of a joint rule speaks for every channel of that class in the group of
    the joint rule's anchor.

    Parameters
    ----------
    anchors : int64, shape (n,)
        Lane row of each joint rule's anchor.
    terms : sequence of sequence of str
        Terms of each of them.
    roster : Roster

    Attributes
    ----------
    rows : int64, shape (m,)
        Lane row of every witness, rising.
    rules : bytes of 32, shape (m,)
        Its rule.
    of_term : list of list of list of int
        Witnesses by joint rule and term.
    heeded_by : list of list of (int, int)
        Joint rules and terms by witness.
    """

    def __init__(
        self, anchors: NDArray[np.int64], terms: Sequence[Sequence[str]], roster: Roster
    ) -> None:
        members = _members(roster)
        wanted = [
            [_called(term, members, roster.groups[anchor]) for term in said]
            for anchor, said in zip(anchors.tolist(), terms, strict=True)
        ]
        named = sorted({one for said in wanted for term in said for one in term})
        number = {one: i for i, one in enumerate(named)}
        self.rows = np.array([row for row, _ in named], np.int64)
        self.rules = np.array([rule.encode() for _, rule in named], "S32")
        self.of_term = [[[number[one] for one in term] for term in said] for said in wanted]
        self.heeded_by: list[list[tuple[int, int]]] = [[] for _ in named]
        for place, said in enumerate(self.of_term):
            for i, term in enumerate(said):
                for witness in term:
                    self.heeded_by[witness].append((place, i))
        slots = roster.slots
        self._number = {
            row * SLOTS + slots[rule]: i for (row, rule), i in number.items() if rule in slots
        }
        self._keys = np.array(sorted(self._number), np.int64)

    def heard(self, transitions: Transitions) -> list[Heard]:
        """Level changes of witnesses among others, by rising ordinal."""
        if not len(transitions):
            return []
        keys = transitions["row"].astype(np.int64) * SLOTS + transitions["rule"]
        mine = np.flatnonzero(np.isin(keys, self._keys))
        ordered = mine[np.lexsort((keys[mine], transitions["ordinal"][mine]))]
        return [
            Heard(
                int(transition["ordinal"]),
                self._number[int(key)],
                int(transition["now"]),
                int(transition["time_ns"]),
            )
            for transition, key in zip(transitions[ordered], keys[ordered], strict=True)
        ]


def _members(roster: Roster) -> dict[tuple[str, str], list[int]]:
    """Lane rows by group and class."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, (group, label) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
        found.setdefault((group, roster.classes[label]), []).append(row)
    return found


def _called(
    term: str, members: dict[tuple[str, str], list[int]], group: str
) -> list[tuple[int, str]]:
    """Channels of a group that a term speaks for, and its rule."""
    class_name, _, rule = term.rpartition(".")
    return [(row, rule) for row in members.get((group, class_name), ())]


def terms_hash(terms: tuple[str, ...]) -> bytes:
    """Sixteen letters that stand for some terms in their order."""
    return hashlib.blake2b("\0".join(terms).encode(), digest_size=8).hexdigest().encode()


NAME: Final = "joint"
TERMS_MAX: Final = 16
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
    independent sensor. State: 80 bytes for each group and 40 for each channel and rule named.
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


class Joints:
    """Joint rules of one lane: each listens to the level changes of the rules that it names."""

    def __init__(self, slot: int, rules: Mapping[str, Joint], roster: Roster) -> None:
        self._slot = slot
        governs = _anchors(rules, roster)
        self._rows = np.array(sorted(governs), np.int64)
        self._rules = [rules[governs[row]] for row in self._rows.tolist()]
        self._place = np.full(len(roster.class_of), -1, np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        self._witnesses = Witnesses(self._rows, [rule.terms for rule in self._rules], roster)
        self._heard: list[Heard] = []
        of_label = dict(zip(sorted(rules), fingerprints(rules, roster).tolist(), strict=True))
        governing = [of_label[governs[row]] for row in self._rows.tolist()]
        self._meaning = np.array(governing, np.uint64)
        self.relearning = 0
        self._begin()

    def _begin(self) -> None:
        n = len(self._rows)
        self._clock = np.full(n, NEVER, np.int64)
        self._eased = np.full((n, TERMS_MAX), NEVER, np.int64)
        self._lit = np.zeros(len(self._witnesses.rows), np.uint8)
        self._levels = new_levels(n)
        self._awake: set[int] = set()

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
        """Judge groups at level changes of their rules and at readings of their anchors."""
        del columns
        heard, self._heard = self._heard, []
        if not heard and not self._awake:
            return no_transitions()
        found = []
        events = self._events(batch, disposition, span, heard)
        for ordinal in sorted(events):
            for place, time_ns in self._touched(events[ordinal]).items():
                transition = np.zeros(1, TRANSITION)
                if self._judge(place, ordinal, time_ns, transition[0]):
                    found.append(transition)
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def _events(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        heard: list[Heard],
    ) -> dict[int, list[Heard]]:
        """Level changes by ordinal, and an empty list for each reading that is only looked at.

        Only anchors of groups that are not calm are looked at, now or after one of the changes.
        """
        first, last = span
        stirred = {place for one in heard for place, _ in self._witnesses.heeded_by[one.witness]}
        rows = self._rows[sorted(self._awake | stirred)]
        looked = np.isin(batch.row[first:last], rows) & (disposition[first:last] == _SCORED)
        events: dict[int, list[Heard]] = {}
        for ordinal in (np.flatnonzero(looked) + first).tolist():
            place = int(self._place[batch.row[ordinal]])
            events[ordinal] = [Heard(ordinal, -1 - place, 0, int(batch.time_ns[ordinal]))]
        for one in heard:
            events.setdefault(one.ordinal, []).append(one)
        return events

    def _touched(self, events: list[Heard]) -> dict[int, int]:
        """Let witnesses speak; joint rules to be judged by rising place, and by which time."""
        touched: dict[int, int] = {}
        for one in events:
            if one.witness < 0:
                touched[-1 - one.witness] = one.time_ns
                continue
            self._lit[one.witness], was = one.colour, self._lit[one.witness]
            for place, term in self._witnesses.heeded_by[one.witness]:
                touched[place] = one.time_ns
                least = Colour[self._rules[place].at_least.upper()]
                if was >= least > one.colour:
                    self._eased[place, term] = max(self._clock[place], one.time_ns)
        return dict(sorted(touched.items()))

    def _judge(self, place: int, ordinal: int, time_ns: int, transition: Any) -> bool:
        """Advance the level of one joint rule; whether it changed."""
        rule = self._rules[place]
        now = max(int(self._clock[place]), time_ns)
        self._clock[place] = now
        rung = self._rung(place, now)
        colour = int(Colour[rule.colour.upper()]) if rung >= rule.least else 0
        reading = (ordinal, int(self._rows[place]), place, now)
        delays = (rule.on_delay.ns, rule.off_delay.ns)
        changed = ring(views(self._levels), reading, (colour, colour), delays, transition)
        if changed:
            figures(transition, float(rung), float(rule.least), np.nan, float(rung))
        if rung or self._levels["level"][place]:
            self._awake.add(place)
        else:
            self._awake.discard(place)
        return bool(changed)

    def _rung(self, place: int, now: int) -> int:
        """Terms that ring, or eased less than `within` ago."""
        rule = self._rules[place]
        least, since = Colour[rule.at_least.upper()], now - rule.within.ns
        terms = enumerate(self._witnesses.of_term[place])
        return sum(
            bool((self._lit[term] >= least).any() or self._eased[place, i] > since)
            for i, term in terms
        )

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
        return np.array([terms_hash(rule.terms) for rule in self._rules], "S16")

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
        had = zip(arrays[f"{NAME}.witnesses"].tolist(), arrays[f"{NAME}.rules"], strict=True)
        lit = dict(zip(had, arrays[f"{NAME}.lit"].tolist(), strict=True))
        rows = old_row[self._witnesses.rows].tolist()
        for i, one in enumerate(zip(rows, self._witnesses.rules, strict=True)):
            self._lit[i] = lit.get(one, 0)
        for place in range(len(self._rows)):
            if self._rung(place, int(self._clock[place])) or self._levels["level"][place]:
                self._awake.add(place)


def _anchors(rules: Mapping[str, Joint], roster: Roster) -> dict[int, str]:
    """Label that governs each anchor: of each class and group, the channel with the lowest row."""
    found: dict[int, str] = {}
    seen: set[tuple[str, str]] = set()
    for row, (group, i) in enumerate(zip(roster.groups, roster.class_of, strict=True)):
        if roster.labels[i] in rules and (group, roster.classes[i]) not in seen:
            seen.add((group, roster.classes[i]))
            found[row] = roster.labels[i]
    return found


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
