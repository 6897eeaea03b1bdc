"""A channel that tells states: which may follow which, and how long each may last."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from contracts.finding import Finding
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import Colour
from detectors.base.findings import THRESHOLD
from detectors.base.kind import Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, figures, ring
from detectors.base.row_rule import RowRule

STATES_MAX: Final = 16
REPEATS_MAX: Final = 31
ARROW: Final = ">"
_EVER: Final = np.iinfo(np.int64).max  # a bound that no time exceeds
_SCORED: Final = int(Disposition.SCORED)
_ORDER, _UNKNOWN, _STUCK, _OVERDUE, _TOO_SHORT, _REPEATS = range(1, 7)
_FINDINGS: Final = ("order", "unknown", "stuck", "overdue", "too_short", "repeats")
# Place in `spare` of the state before: its number and 1, 0 where none is known. Snapshots of
# releases that kept none hold 0 there, so that state stays readable both ways.
_BEFORE: Final = 0
_ENTERED: Final = "entered"  # `order`, where it is not known which state was before

ColourWord = Literal["blue", "yellow", "orange", "red"]


class Repeats(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A transition that may come so many times within a time, and not once more.

    Parameters
    ----------
    of : str
        `<state>><state>`: a door that opens again says `closing>opening`.
    more_than : int
        Transitions that are still good.
    within : Duration
        Event time that is looked back upon.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"within"})

    of: str
    more_than: Annotated[int, Meta(ge=1, le=REPEATS_MAX)]
    within: Duration


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Colour of each violation: `forbidden` also stands for codes that mean no state."""

    forbidden: ColourWord = "orange"
    too_long: ColourWord = "yellow"
    too_short: ColourWord = "yellow"
    repeats: ColourWord = "blue"


class StateSequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when states follow one another, or last, as they should not.

    A reading is bad, in the worst colour of those that apply, when

    - its code means no state, or its state was entered from another one against `allowed`:
      until the state is left by a transition that is allowed;
    - its state, or the one it leaves, has lasted longer than `at_most`;
    - it leaves a state that lasted less than `at_least`;
    - the transition `repeats.of` came more than `more_than` times in the last `within`, the
      reading's own included.

    A state lasts from the first reading that told it to the first that tells another one: time
    bounds are judged at readings, and silence is for the rule `silent`. The state of a channel's
    first reading began at an unknown time: it can last too long but not too short. A code that
    means no state ends the one before it, without a bound on its time, and any state may follow.

    Figures: the score is how long the state that the reading found had lasted, in seconds,
    expected is a code of the state before this one, NaN where none is known. The finding is that
    of the worst colour: `order`, `unknown` (a code that means no state), `stuck` (it lasts),
    `overdue` (it ended too late), `too_short`, `repeats`.

    State: 112 bytes with its level, and 8 for each transition that `repeats` counts.

    Parameters
    ----------
    states : dict of str to str
        Word of each code; codes are whole numbers, and some may share a word.
    allowed : list of str
        `<state>><state>`, each transition that is good; without any, all are.
    at_most, at_least : dict of str to Duration
        Longest and shortest time of a state.
    repeats : Repeats or None
    colours : Colours
    of : str
        Column that is judged.
    on_delay, off_delay : Duration
        As for limits; after `off_delay` of good readings the alarm clears.

    References
    ----------
    Detector class D12 of the project's domain notes; the automaton with clocks is that of R. Alur
    and D. L. Dill, A theory of timed automata, Theoretical Computer Science 126, 1994.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset(
        {"allowed", "at_least", "colours", "period", "unit"}
    )

    states: dict[str, str]
    allowed: list[str] = msgspec.field(default_factory=list)
    at_most: dict[str, Duration] = msgspec.field(default_factory=dict)
    at_least: dict[str, Duration] = msgspec.field(default_factory=dict)
    repeats: Repeats | None = None
    colours: Colours = Colours()
    of: str = "value"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")


def _ends(arrow: str, words: set[str]) -> tuple[str, str] | None:
    """The two states of a transition as it is written, None when it is none."""
    before, found, after = arrow.partition(ARROW)
    good = found and before in words and after in words and before != after
    return (before, after) if good else None


def _code_faults(rule: StateSequence, scene: Scene) -> Iterator[Fault]:
    if not 1 < len(rule.states) <= STATES_MAX:
        yield ("states",), f"expected 2 to {STATES_MAX} codes, got {len(rule.states)}"
    for code, word in rule.states.items():
        where = ("states", code)
        if not code.removeprefix("-").isdecimal():
            yield where, f"expected a whole number as code, got {code!r}"
        elif rule.of == "value" and not scene.low <= int(code) <= scene.high:
            text = f"expected a code inside the plausible range ({scene.low:g} to {scene.high:g})"
            yield where, f"{text}, got {code}; it would never be judged"
        if not word or ARROW in word:
            yield where, f"expected a word without {ARROW!r}, got {word!r}"


def _arrow_faults(rule: StateSequence, words: set[str]) -> Iterator[Fault]:
    expected = "expected two different ones of the states, such as `closed>opening`"
    for arrow in rule.allowed:
        if _ends(arrow, words) is None:
            yield ("allowed",), f"{expected}, got {arrow!r}"
    if rule.repeats is None:
        return
    of = rule.repeats.of
    if _ends(of, words) is None:
        yield ("repeats", "of"), f"{expected}, got {of!r}"
    elif rule.allowed and of not in rule.allowed:
        yield ("repeats", "of"), f"expected one of `allowed`, got {of!r}; it rings at once as it is"


def faults(rule: StateSequence, scene: Scene) -> Iterator[Fault]:
    """Codes nobody sends, words nobody knows, and times that exclude each other."""
    yield from _code_faults(rule, scene)
    words = set(rule.states.values())
    yield from _arrow_faults(rule, words)
    for name in ("at_most", "at_least"):
        for word in getattr(rule, name):
            if word not in words:
                known = ", ".join(sorted(words))
                yield (name, word), f"expected one of the states ({known}), got {word!r}"
    for word in sorted(rule.at_most.keys() & rule.at_least.keys()):
        if rule.at_least[word].ns > rule.at_most[word].ns:
            text = f"expected at most {rule.at_most[word]}, got {rule.at_least[word]}"
            yield ("at_least", word), f"{text}; no stay would be right"
    if rule.at_least and rule.on_delay.ns:
        text = "expected 0 s beside `at_least`: one reading alone tells that a state was too short"
        yield ("on_delay",), f"{text}, got {rule.on_delay}; it would never ring"


@njit(cache=True, nogil=True, error_model="numpy")
def _state(p: Any, code: float) -> int:
    """Which state a code means, -1 for none."""
    for i in range(STATES_MAX):
        if p.codes[i] == code:
            return int(p.states[i])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _code(p: Any, state: int) -> float:
    """A code of a state, NaN where there is none."""
    for i in range(STATES_MAX):
        if state >= 0 and p.states[i] == state and not np.isnan(p.codes[i]):
            return float(p.codes[i])
    return np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _move(mine: Any, p: Any, states: tuple[int, int], time_ns: int) -> tuple[int, int]:
    """Enter another state; colour and finding of the stay in the one before it."""
    was, now = states
    colour, finding = 0, 0
    mine.forbidden = now < 0
    if was >= 0:
        lasted = time_ns - mine.since
        if lasted > p.at_most[was]:
            colour, finding = p.too_long, _OVERDUE
        if mine.entered and lasted < p.at_least[was] and p.too_short > colour:
            colour, finding = p.too_short, _TOO_SHORT
        if now >= 0:
            mine.forbidden = p.allowed[was, now] == 0
            if was == p.of[0] and now == p.of[1]:
                mine.times[mine.count % len(mine.times)] = time_ns
                mine.count += 1
    mine.since, mine.entered, mine.spare[_BEFORE] = time_ns, True, was + 1
    return int(colour), int(finding)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(mine: Any, p: Any, code: float, time_ns: int) -> tuple[int, int]:
    """Colour and finding of the worst that is wrong with a reading; the state moves on."""
    now = _state(p, code)
    colour, finding = 0, 0
    if not mine.heard:
        mine.heard, mine.since, mine.forbidden = True, time_ns, now < 0
    else:
        was = now if code == mine.code else _state(p, mine.code)
        if now != was:
            colour, finding = _move(mine, p, (was, now), time_ns)
        elif now >= 0 and time_ns - mine.since > p.at_most[now]:
            colour, finding = p.too_long, _STUCK
    mine.code = code
    if mine.forbidden and p.forbidden >= colour:
        colour, finding = p.forbidden, _UNKNOWN if now < 0 else _ORDER
    first = mine.count - p.more_than - 1  # of as many as are one too many
    recent = first >= 0 and time_ns - mine.times[first % len(mine.times)] <= p.within
    if p.more_than > 0 and recent and p.repeats > colour:
        colour, finding = p.repeats, _REPEATS
    return int(colour), int(finding)


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], transitions: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, disposition = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(transitions):
            return i, told
        place = place_of[row_of[i]] if disposition[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        lasted = time_ns - mine.since if mine.heard else 0
        colour, finding = _judge(mine, p, value, time_ns)
        reading = (i, row_of[i], place, time_ns)
        if ring(levels, reading, (colour, colour), (p.on_ns, p.off_ns), transitions[told]):
            before = _code(p, int(mine.spare[_BEFORE]) - 1)
            figures(transitions[told], value, before, np.nan, float(lasted) / NS_PER_S)
            transitions[told].finding = finding
            told += 1
    return span[1], told


class Sequences(RowRule):
    """States of one lane's channels."""

    NAME = "sequence"
    PARAMS = np.dtype(
        [
            ("codes", np.float64, (STATES_MAX,)),
            ("states", np.int64, (STATES_MAX,)),
            ("allowed", np.uint8, (STATES_MAX, STATES_MAX)),
            ("at_most", np.int64, (STATES_MAX,)),
            ("at_least", np.int64, (STATES_MAX,)),
            ("of", np.int64, (2,)),
            *((name, np.int64) for name in ("more_than", "within", "on_ns", "off_ns")),
            *((name, np.int64) for name in Colours.__struct_fields__),
        ]
    )
    KERNEL = _kernel

    def __init__(self, slot: int, rules: Mapping[str, StateSequence], roster: Roster) -> None:
        counted = [r.repeats.more_than + 1 for r in rules.values() if r.repeats is not None]
        self._kept = max(counted, default=1)
        super().__init__(slot, rules, roster)

    def put(self, figures: Any, rule: StateSequence, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        del period_ns
        place = {word: i for i, word in enumerate(sorted(set(rule.states.values())))}
        figures["codes"], figures["at_most"] = np.nan, _EVER
        figures["allowed"] = not rule.allowed
        for i, (code, word) in enumerate(rule.states.items()):
            figures["codes"][i], figures["states"][i] = int(code), place[word]
        for before, after in (arrow.split(ARROW) for arrow in rule.allowed):
            figures["allowed"][place[before], place[after]] = True
        for name in ("at_most", "at_least"):
            for word, length in getattr(rule, name).items():
                figures[name][place[word]] = length.ns
        if rule.repeats is not None:
            figures["of"] = [place[word] for word in rule.repeats.of.split(ARROW)]
            figures["more_than"] = rule.repeats.more_than
            figures["within"] = rule.repeats.within.ns
        for name in Colours.__struct_fields__:
            figures[name] = Colour[getattr(rule.colours, name).upper()]
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns

    def fresh(self, n: int) -> NDArray[np.void]:
        """State of channels that nobody has heard of yet, shape (n,)."""
        flags = [(name, np.uint8) for name in ("heard", "entered", "forbidden")]
        counted = ("times", np.int64, (self._kept,))
        words = [("code", np.float64), ("since", np.int64), ("count", np.int64), counted]
        state = np.zeros(n, [*words, *flags, ("spare", np.uint8, (5,))])
        state["code"] = np.nan
        return state

    def refit(
        self, state: NDArray[np.void], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> None:
        """Take over state whose ring of times is longer or shorter, the newest ones first."""
        mine, theirs = pairs
        super().refit(state, pairs)
        was, now, count = state["times"][theirs], self._kept, state["count"][theirs]
        for back in range(1, 1 + min(was.shape[1], now)):
            there = np.flatnonzero(count >= back)
            at = count[there] - back
            self.state["times"][mine[there], at % now] = was[there, at % was.shape[1]]


def finding(rule: StateSequence, transition: Any) -> Finding:
    """What is wrong with the states, and the bound that was passed: lengths in seconds."""
    number, before = int(transition["finding"]), transition["expected"]
    name = _FINDINGS[number - 1] if number else "order"
    if name == "order" and np.isnan(before):
        return Finding(_ENTERED)
    if name in {"stuck", "overdue", "too_short"}:
        code = transition["observed"] if name == "stuck" else before
        bounds = rule.at_least if name == "too_short" else rule.at_most
        bound = bounds.get(rule.states.get(f"{code:.0f}", ""))
        return Finding(name, {} if bound is None else {THRESHOLD: bound.ns / NS_PER_S})
    if name == "repeats" and rule.repeats is not None:
        codes = {word: float(code) for code, word in reversed(rule.states.items())}
        left, entered = (codes.get(word, np.nan) for word in rule.repeats.of.split(ARROW))
        within = rule.repeats.within.ns / NS_PER_S
        more = {THRESHOLD: float(rule.repeats.more_than), "within": within}
        return Finding(name, {**more, "expected": left, "observed": entered})
    return Finding(name)


SEQUENCE: Final = Kind(
    "sequence",
    StateSequence,
    Sequences,
    "D12",
    frozenset({"observed", "expected", "score", THRESHOLD}),
    faults,
    findings=(*_FINDINGS, _ENTERED),
    finding=finding,
)
