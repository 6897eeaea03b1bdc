"""Vibration that has more in a band of frequencies than it used to, warmth taken off."""

from collections.abc import Iterator, Mapping
from functools import partial
from math import ceil
from typing import Annotated, Any, ClassVar, Final, Literal
from zlib import crc32

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import DIFFERENCE, NS_PER_S, Duration, Sigmas
from contracts.transition import NEVER, Colour, Transitions, end_to_end, no_transitions
from detectors.base.companions import Companions
from detectors.base.kind import Columns, Fault, Kind, Roster, Scene
from detectors.base.level_step import Levels, may_learn, ring, severity, views
from detectors.base.row_rule import RowRule
from detectors.channel.power_lines import envelopes, lean, powers
from detectors.channel.seasonal import CLIP, SIGMA_PER_DEVIATION
from detectors.false_alarm_rate.rate import FalseAlarmRate, at_most, band

BANDS_MAX: Final = 8
PRIOR: Final = 1e6  # variance of a coefficient before anything is known, in that of the noise
_SCORED: Final = int(Disposition.SCORED)

PARAMS: Final = np.dtype(
    [
        *((name, np.int64) for name in ("frame", "hop", "gap_ns", "bands", "envelope")),
        ("lines", np.int64, (BANDS_MAX, 2)),  # first line of a band, and the one behind its last
        *((name, np.int64) for name in ("given", "sync_ns", "warm_up")),
        *((name, np.float64) for name in ("floor", "spread", "rest", "forget", "band")),
        ("bounds", np.float64, (4,)),
        ("back", np.float64),
        *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(mine: Any, p: Any, time_ns: int, value: float) -> bool:
    """Put a reading into the ring; whether a frame ends with it."""
    if mine.last == NEVER or time_ns - mine.last > p.gap_ns:
        mine.kept = 0
    mine.values[mine.kept % p.frame] = value
    mine.kept += 1
    mine.last = time_ns
    return bool(mine.kept >= p.frame and (mine.kept - p.frame) % p.hop == 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _word(companions: Any, place: int, time_ns: int, p: Any) -> float:
    """What the companion said last: 0 where none is named, NaN where it said nothing in time."""
    _, cells_of, said, said_at = companions
    if p.given == 0:
        return 0.0
    cell = cells_of[place, 0]
    if cell < 0 or abs(time_ns - said_at[cell]) > p.sync_ns:
        return np.nan
    return float(said[cell])


@njit(cache=True, nogil=True, error_model="numpy")
def gather(rows: Any, columns: Any, span: tuple[int, int], room: Any) -> tuple[int, int]:
    """Collect the frames that end in a span, oldest reading first, until there is no room.

    Parameters
    ----------
    rows : (place by lane row, parameters by place, state, parameters, companions, measured)
    columns : (lane row, time in ns, value, disposition)
    room : (float64 (m, widest frame), int64 (m, 4), float64 (m,))
        Frames; ordinal, row, place and time of the readings that end them; companions' words.

    Returns
    -------
    (int, int)
        Reading to go on with, and frames collected.
    """
    place_of, params_of, state, params, companions, measured = rows
    row_of, time_of, value_of, disposition = columns
    frames, ends, words = room
    count = 0
    for i in range(span[0], span[1]):
        if count == len(frames):
            return i, count
        row, time_ns, value = row_of[i], time_of[i], value_of[i]
        if disposition[i] != _SCORED or row < 0:
            continue
        cell, place = companions[0][row], place_of[row]
        if cell >= 0:
            companions[2][cell], companions[3][cell] = measured[i], time_ns
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        if not _keep(mine, p, time_ns, value):
            continue
        for j in range(p.frame):
            frames[count, j] = mine.values[(mine.kept + j) % p.frame]
        ends[count, 0], ends[count, 1], ends[count, 2], ends[count, 3] = i, row, place, time_ns
        words[count] = _word(companions, place, time_ns, p)
        count += 1
    return span[1], count


@njit(cache=True, nogil=True, error_model="numpy")
def _square(lines: NDArray[np.float64], first: int, behind: int) -> float:
    """Mean square of some lines."""
    total = 0.0
    for k in range(first, behind):
        total += lines[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _features(p: Any, plain: Any, envelope: Any, logs: NDArray[np.float64]) -> int:
    """Write half the log of each band's mean square, floor included; how many there are."""
    n = p.bands * (1 + p.envelope)
    for b in range(n):
        first, behind = p.lines[b % p.bands]
        lines = plain if b < p.bands else envelope
        logs[b] = 0.5 * np.log(_square(lines, first, behind) + p.floor * p.floor)
    return int(n)


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(mine: Any, logs: NDArray[np.float64], n: int, word: float) -> None:
    """Take the first frame as what is expected, and nothing as known."""
    mine.origin = word
    mine.known[0], mine.known[1], mine.known[2] = PRIOR, 0.0, PRIOR
    for b in range(n):
        mine.theta[b, 0], mine.theta[b, 1] = logs[b], 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _errors(mine: Any, p: Any, logs: Any, n: int, x: tuple[float, float]) -> Any:
    """Turn logs into errors; worst score, its expected log and its believed spread."""
    off, z = x
    score, usual, unit = -np.inf, 0.0, 1.0
    for b in range(n):
        expected = mine.theta[b, 0] + mine.theta[b, 1] * off
        wide = max(SIGMA_PER_DEVIATION * mine.deviation[b], p.spread) * np.sqrt(1.0 + z)
        logs[b] -= expected
        if logs[b] / wide > score:
            score, usual, unit = logs[b] / wide, expected, wide
    return score, usual, unit


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, errors: Any, n: int, x: tuple[float, float]) -> None:
    """Move coefficients and spreads of all bands, and what is known of them, by one frame."""
    off, z = x
    g0 = mine.known[0] + mine.known[1] * off
    g1 = mine.known[1] + mine.known[2] * off
    mine.learned += 1
    counted = mine.learned - p.warm_up // 2
    for b in range(n):
        error = errors[b]
        if mine.learned > p.warm_up:
            most = CLIP * max(SIGMA_PER_DEVIATION * mine.deviation[b], p.spread) * np.sqrt(1.0 + z)
            error = min(max(error, -most), most)
        mine.theta[b, 0] += g0 * error / (1.0 + z)
        mine.theta[b, 1] += g1 * error / (1.0 + z)
        if counted > 0:
            share = max(1.0 / counted, 1.0 - p.forget)
            mine.deviation[b] += share * (abs(error) / np.sqrt(1.0 + z) - mine.deviation[b])
    news = p.forget - (1.0 - p.forget) / z
    weight = news / (1.0 + news * z)
    mine.known[0] -= weight * g0 * g0
    mine.known[1] -= weight * g0 * g1
    mine.known[2] -= weight * g1 * g1


@njit(cache=True, nogil=True, error_model="numpy")
def _rms(log: float, floor: float) -> float:
    """Root mean square of which this is the log, floor taken off again."""
    return float(np.sqrt(max(np.exp(2.0 * log) - floor * floor, 0.0)))


@njit(cache=True, nogil=True, error_model="numpy")
def _figures(transition: Any, p: Any, score: float, usual: float, unit: float) -> None:
    """Write the figures of the worst band, in the unit of the class."""
    transition.observed = _rms(usual + score * unit, p.floor)
    transition.expected = _rms(usual, p.floor)
    transition.low = np.nan
    transition.high = _rms(usual + p.band * unit, p.floor)
    transition.score = score


@njit(cache=True, nogil=True, error_model="numpy")
def judge(levels: Levels, rows: Any, room: Any, lines: Any, transitions: NDArray[np.void]) -> int:
    """Judge frames by their lines, in order, each against the state before it.

    Parameters
    ----------
    rows : (parameters by place, state, parameters)
    room : (int64 (m, 4), float64 (m,))
        As `gather` gives them.
    lines : (float64 (m, k), float64 (m, k))
        Power of the lines of the frames, and of their envelopes.

    Returns
    -------
    int
        Notes written, at most one a frame.
    """
    params_of, state, params = rows
    ends, words = room
    logs, told = np.empty(2 * BANDS_MAX), 0
    for f in range(len(ends)):
        ordinal, row, place, time_ns = ends[f]
        mine, p = state[place], params[params_of[place]]
        square = _square(lines[0][f], 1, p.frame // 2 + 1)
        if np.isnan(words[f]) or square < p.rest * p.rest:
            continue
        n = _features(p, lines[0][f], lines[1][f], logs)
        if mine.learned == 0:
            _begin(mine, logs, n, words[f])
        off = words[f] - mine.origin
        z = mine.known[0] + (2.0 * mine.known[1] + mine.known[2] * off) * off
        score, usual, unit = _errors(mine, p, logs, n, (off, z))
        breached = 0
        if mine.learned >= p.warm_up:
            seen = severity(score, p.bounds, p.back)
            breached = seen[0]
            if ring(
                levels, (ordinal, row, place, time_ns), seen, (p.on_ns, p.off_ns), transitions[told]
            ):
                _figures(transitions[told], p, score, usual, unit)
                told += 1
        if may_learn(levels, place, breached, time_ns, p.relearn_ns):
            _learn(mine, p, logs, n, (off, z))
    return told


NAME: Final = "spectrum"
ROOM: Final = 64  # frames per transform; more only means another one

Hertz = Annotated[list[Annotated[float, Meta(ge=0)]], Meta(min_length=2, max_length=2)]


class Spectrum(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a frame of readings has more in a band of frequencies than it used to.

    A frame is `frame` successive readings; after `hop` more comes the next. A gap longer than
    `gap` empties the ring: nothing is interpolated, and the next frame ends `frame` readings
    later. Readings are taken as evenly spaced at the class's period. The root mean square of a
    band, `r`, is the root of the sum of the powers of its lines (`power_lines.py`),
    lines from its lower edge up to, but not at, its upper one. With `envelope` the same bands are
    also looked at in the frame's envelope, where the knocks of a worn bearing show.

    Judged is `y = ln(r^2 + floor^2) / 2`: what drives vibration multiplies it, so that only in
    logs is the spread the same when it is weak and when it is strong. With `f = (1, x - o)`, `x`
    the last word of the companion `given` and `o` the first that was learned (`f = (1, 0)`
    without one), `y` is expected at `t . f`. A frame is learned with `g = P f` and `z = f . g`:
    `t += g e / (1 + z)` for the error `e`, once warm clipped at three `w`, and
    `P -= v g g'` with `v = c / (1 + c z)`, `c = l - (1 - l) / z` and `l = 1 - 1 / memory`, which
    forgets only where there is news (`detectors/group/regress.py`). It begins with `t = (y, 0)` and
    `P = 1e6` on the diagonal.

    A band's score is `e / w` with `w = max(1.2533 s, spread) sqrt(1 + z)`, where `s` is the mean
    of `|e| / sqrt(1 + z)`, learned with a share of `max(1 / n, 1 - l)`, n counting from the middle
    of the warm-up. `sqrt(1 + z)` is what a prediction is wider than the noise: at a warmth never
    met before, little can be said, and little is. The worst band's score is judged, upwards only.
    `observed`, `expected` and `high` are its root mean squares.

    Parameters
    ----------
    frame, hop : int
        Readings of a frame, a power of two, and readings after which the next one ends.
    bands : dict of str to list of float
        Lower and upper edge of each band, Hz.
    band : Sigmas
        How far above the expected a band must come.
    floor : float
        Root mean square that means nothing, in the unit of the class.
    spread : float
        Smallest spread that is believed, as a share of the root mean square.
    rest : float
        Root mean square of a whole frame below which the machine stands still: nothing is judged
        or learned, and levels stay.
    envelope : bool
        Whether the envelope is looked at too.
    given : str, optional
        Class of the companion in the same group, such as a temperature. Where it has said
        nothing, or nothing within `sync` of the frame's end, nothing is judged or learned.
    sync : Duration
        Age, or lead, at which the companion's word is no longer used.
    gap : Duration
        Time between two readings above which the ring is emptied.
    warm_up : int
        Frames that are learned before anything is judged.
    memory : int
        Frames after which an old one weighs little.
    of : str
        Column that is judged.
    at_most : {"blue", "yellow"}
        Colour that rings.
    on_delay, off_delay : Duration
        As for limits, from end of frame to end of frame.
    hysteresis : Sigmas
        How far below `band` the score must come back.
    relearn_after : Duration
        Age at which a closed learning gate opens.

    References
    ----------
    R. Kulhavy, Restricted exponential forgetting in real-time identification, Automatica 23,
    1987; N. R. Draper and H. Smith, Applied Regression Analysis, 1998 (the prediction interval);
    detector class D7 of the domain notes. State: `8 frame + 24 n + 64` bytes for `n` bands, the
    envelope's counted too, 64 for the level, and 16 for each companion.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"band", "rest", "spread"})

    bands: dict[str, Hertz]
    band: Sigmas
    floor: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    at_most: Literal["blue", "yellow"]
    frame: Annotated[int, Meta(ge=64, le=4096)] = 256
    hop: Annotated[int, Meta(ge=1, le=4096)] = 128
    spread: Annotated[float, Meta(gt=0, le=1)] = 0.05
    rest: Annotated[float, Meta(ge=0, extra=DIFFERENCE)] = 0.0
    envelope: bool = False
    given: str | None = None
    sync: Duration = Duration("10 min")
    gap: Duration = Duration("3 periods")
    warm_up: Annotated[int, Meta(ge=10, le=100_000)] = 100
    memory: Annotated[int, Meta(ge=20, le=1_000_000)] = 2000
    of: str = "value"
    on_delay: Duration = Duration("0 s")
    off_delay: Duration = Duration("0 s")
    hysteresis: Sigmas = Sigmas("0 sigma")
    relearn_after: Duration = Duration("7 d")


def lines_of(edges: list[float], frame: int, period_ns: int) -> tuple[int, int]:
    """First line of a band, and the one behind its last; line k is at k / (frame period).

    >>> lines_of([10.0, 30.0], 256, 4_000_000)
    (11, 31)
    """
    seconds = frame * period_ns / NS_PER_S
    return ceil(edges[0] * seconds), min(ceil(edges[1] * seconds), frame // 2 + 1)


def faults(rule: Spectrum, scene: Scene) -> Iterator[Fault]:
    """Frames that are no power of two, bands that cannot be seen, bounds that never clear."""
    if rule.frame & (rule.frame - 1):
        yield ("frame",), f"expected a power of two, got {rule.frame}"
    if rule.hop > rule.frame:
        text = f"expected at most the frame ({rule.frame}), got {rule.hop}"
        yield ("hop",), f"{text}; readings between frames would not be judged"
    if not 1 <= len(rule.bands) <= BANDS_MAX:
        yield ("bands",), f"expected 1 to {BANDS_MAX} bands, got {len(rule.bands)}"
    for name, edges in rule.bands.items():
        yield from _band_faults(name, edges, rule, scene)
    yield from _statistics_faults(rule, scene)


def _band_faults(name: str, edges: list[float], rule: Spectrum, scene: Scene) -> Iterator[Fault]:
    """Bands upside down, above what the period can tell, or between two lines."""
    place, most = ("bands", name), NS_PER_S / scene.period.ns / 2
    width = 2 * most / rule.frame
    if edges[0] >= edges[1]:
        yield place, f"expected the lower edge first, got {edges[0]:g} and {edges[1]:g}"
    elif edges[1] > most:
        text = f"expected at most {most:g} Hz, half the rate of a reading every {scene.period}"
        yield place, f"{text}, got {edges[1]:g}; faster ones cannot be told from slow ones"
    elif edges[0] < width:
        text = f"expected at least {width:g} Hz, one turn in a frame, got {edges[0]:g}"
        yield place, f"{text}; lengthen the frame or raise the edge"
    elif len(range(*lines_of(edges, rule.frame, scene.period.ns))) < 1:
        yield place, f"expected a band with a line, which lie {width:g} Hz apart; widen it"


def _statistics_faults(rule: Spectrum, scene: Scene) -> Iterator[Fault]:
    """Bounds that never clear, floors that hide all, too little to learn from."""
    if not rule.band.count:
        yield ("band",), f"expected more than 0 sigma, got {str(rule.band)!r}"
    elif rule.hysteresis.count >= rule.band.count:
        text = f"expected below the band ({rule.band}), got {str(rule.hysteresis)!r}"
        yield ("hysteresis",), f"{text}; it could never clear, lower it"
    if rule.of == "value" and rule.floor >= scene.high - scene.low:
        text = f"expected below the plausible width ({scene.high - scene.low:g})"
        yield ("floor",), f"{text}, got {rule.floor:g}; nothing would be heard"
    if rule.given is not None and "." not in rule.given:
        text = "expected a class such as 'power.temperature'"
        yield ("given",), f"{text}, got {rule.given!r}"
    if rule.warm_up > rule.memory:
        yield ("warm_up",), f"expected at most memory ({rule.memory}), got {rule.warm_up}"
    if rule.gap.resolve(scene.period).ns < scene.period.ns:
        yield ("gap",), f"expected at least the period ({scene.period}), got {rule.gap}"


class Spectra(RowRule):
    """Frames of one lane's channels."""

    NAME = NAME
    PARAMS = PARAMS

    def __init__(self, slot: int, rules: Mapping[str, Spectrum], roster: Roster) -> None:
        self._widest = max(rule.frame for rule in rules.values())
        bands = max(len(rule.bands) * (1 + rule.envelope) for rule in rules.values())
        self._dtype = np.dtype(
            [
                ("shape", np.int64),  # of the words that the rest is of
                ("kept", np.int64),  # readings since the last gap
                ("last", np.int64),  # time of the last reading, or NEVER
                ("learned", np.int64),
                ("origin", np.float64),
                ("known", np.float64, (3,)),  # P: first, off the diagonal, last
                ("theta", np.float64, (bands, 2)),
                ("deviation", np.float64, (bands,)),
                ("values", np.float64, (self._widest,)),
            ]
        )
        period_ns = dict(zip(roster.labels, roster.period_ns, strict=True))
        self._shapes = np.array(
            [_shape(rules[label], period_ns[label]) for label in sorted(rules)], np.int64
        )
        super().__init__(slot, rules, roster)
        wanted = {label: [rule.given] if rule.given else [] for label, rule in rules.items()}
        self._companions = Companions(NAME, self.rows, wanted, roster)
        frames = np.zeros((ROOM, self._widest))
        self._room = (frames, np.zeros((ROOM, 4), np.int64), np.zeros(ROOM))

    def fresh(self, n: int) -> NDArray[np.void]:
        """Channels that have said nothing, shape (n,)."""
        state = np.zeros(n, self._dtype)
        state["shape"], state["last"] = self._shapes[self._params_of], NEVER
        return state

    def put(self, figures: Any, rule: Spectrum, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        for name in ("frame", "hop", "envelope", "warm_up", "floor", "spread", "rest"):
            figures[name] = getattr(rule, name)
        period = Duration(f"{period_ns // 1_000_000} ms")
        figures["gap_ns"] = rule.gap.resolve(period).ns
        figures["sync_ns"] = rule.sync.resolve(period).ns
        figures["bands"] = len(rule.bands)
        # By name: a bundle does not keep the order in which they were written.
        for i, (_, edges) in enumerate(sorted(rule.bands.items())):
            figures["lines"][i] = lines_of(edges, rule.frame, period_ns)
        figures["given"], figures["forget"] = rule.given is not None, 1.0 - 1.0 / rule.memory
        figures["band"], figures["back"] = rule.band.count, rule.hysteresis.count
        figures["bounds"] = np.inf
        figures["bounds"][: Colour[rule.at_most.upper()]] = rule.band.count
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge the frames that end in a span, in order; changes by rising ordinal come back."""
        if not len(self.rows):
            return no_transitions()
        ours = self._companions
        companions = (ours.cell, ours.cells_of, ours.said, ours.said_at)
        rows = (*self.tables(batch, columns), companions, batch.value)
        readings = self.readings(batch, disposition, columns)
        first, last = span
        found: list[Transitions] = []
        while first < last:
            first, count = gather(rows, readings, (first, last), self._room)
            told = self._judge(count) if count else 0
            if told:
                found.append(self._transitions[:told].copy())
        transitions = end_to_end(found)
        transitions["rule"] = self._slot
        return transitions

    def _judge(self, count: int) -> int:
        """Judge the frames in the room; how many transitions were written."""
        frames, ends, words = (array[:count] for array in self._room)
        mine = self._params[self._params_of[ends[:, 2]]]
        plain = np.zeros((count, self._widest // 2 + 1))
        of_envelopes = np.zeros_like(plain)
        for n in np.unique(mine["frame"]).tolist():
            chosen = np.flatnonzero(mine["frame"] == n)
            even = lean(frames[chosen, :n])
            plain[chosen, : n // 2 + 1] = powers(even)
            looked = mine["envelope"][chosen] == 1
            if looked.any():
                power = powers(lean(envelopes(even[looked])))
                of_envelopes[chosen[looked], : n // 2 + 1] = power
        rows = (self._params_of, self.state, self._params)
        lines = (plain, of_envelopes)
        return int(judge(views(self.levels), rows, (ends, words), lines, self._transitions))

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        return {**super().arrays(), **self._companions.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; frames and bands of other words begin anew."""
        super().restore(arrays, old_row)
        self._companions.restore(arrays, old_row)
        fresh = self.fresh(len(self.rows))
        other = self.state["shape"] != fresh["shape"]
        self.state[other] = fresh[other]


def _shape(rule: Spectrum, period_ns: int) -> int:
    """Number of the words by which the state was made: with others it means nothing."""
    bands = dict(sorted(rule.bands.items()))
    words = (rule.frame, rule.hop, bands, rule.floor, rule.envelope, rule.given, rule.of)
    return crc32(repr((*words, period_ns)).encode())


def of_spectrum(rule: Any, scene: Any) -> FalseAlarmRate:
    """The worst of its bands, upwards, once in a hop; logs of powers have a lighter tail."""
    del scene
    bands = len(rule.bands) * (1 + rule.envelope)
    share = bands * band(rule.band.count, rule.memory, "above")(1)
    return FalseAlarmRate(partial(at_most, min(share, 1.0) / rule.hop), exact=False)


_FIELDS: Final = frozenset({"observed", "expected", "high", "score"})
SPECTRUM: Final = Kind(NAME, Spectrum, Spectra, "D7", _FIELDS, faults, false_alarm_rate=of_spectrum)
