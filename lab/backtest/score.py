"""Alarms against known events: found and missed, how soon, and how many rang for nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from configuration.pack import RULES, ClassPack
from contracts.alarm import Alarm
from lab.backtest.result import BacktestResult
from lab.data.labels import Event

DAY_NS: Final = 86_400 * 10**9
YEAR_NS: Final = 365.25 * DAY_NS
NOT_JUDGED: Final = "not judged: no readings of its channels then"
RANK: Final = {"clear": 0, "blue": 1, "yellow": 2, "orange": 3, "red": 4}


@dataclass(frozen=True)
class Episode:
    """One alarm with all its revisions."""

    revisions: list[Alarm]

    @property
    def first(self) -> Alarm:
        """The revision that rang."""
        return self.revisions[0]

    @property
    def detected(self) -> datetime:
        """When it rang."""
        return datetime.fromisoformat(self.first.detected)

    @property
    def cleared(self) -> datetime | None:
        """When it ended, None while it rings."""
        last = self.revisions[-1]
        return datetime.fromisoformat(last.detected) if last.state == "cleared" else None

    @property
    def worst(self) -> str:
        """Worst colour that it took."""
        return max((alarm.colour for alarm in self.revisions), key=RANK.__getitem__)

    @property
    def desk(self) -> str:
        """Whose it is."""
        return desk(self.first.lifeline, self.first.owner.level, self.first.owner.role)


def desk(lifeline: str, level: str, role: str) -> str:
    """Name of a desk.

    >>> desk("water", "district", "water bureau")
    'water, district: water bureau'
    """
    return f"{lifeline}, {level}: {role}"


def episodes(alarms: Iterable[Alarm]) -> list[Episode]:
    """Alarms with their revisions, by when they rang."""
    by_id: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        by_id.setdefault(alarm.id, []).append(alarm)
    return [Episode(revisions) for revisions in by_id.values()]


@dataclass(frozen=True)
class Outcome:
    """A known event and what rang for it.

    Parameters
    ----------
    event : Event
    rung : list of Episode
    judged : bool
        Whether it could have rung: its channels have readings at its time. Else it is neither
        found nor missed.
    """

    event: Event
    rung: list[Episode]
    judged: bool = True

    @property
    def delay_s(self) -> float | None:
        """Seconds from its beginning to the first alarm, None when it was missed."""
        if not self.rung:
            return None
        return (min(e.detected for e in self.rung) - self.event.begin).total_seconds()

    @property
    def colour(self) -> str:
        """Worst colour that an alarm took for it, empty when it was missed."""
        return max((e.worst for e in self.rung), key=RANK.__getitem__, default="")

    @property
    def wrong_colour(self) -> bool:
        """Whether it was found, in another colour than declared."""
        wanted = self.event.label.colour
        return bool(self.rung and wanted and self.colour != wanted)


@dataclass
class Tally:
    """Figures of a class, or of all; what cannot be said is None.

    `events`, `found` and `missed` count what could be judged; `not_judged` are the others.
    """

    events: int = 0
    found: int = 0
    missed: int = 0
    delay_p50_s: float | None = None
    delay_p95_s: float | None = None
    colour_errors: int = 0
    alarms: int = 0
    false_alarms: int | None = None
    precision: float | None = None
    channels: int = 0
    channel_years: float = 0.0
    desks: int = 0
    desk_days: float = 0.0
    false_per_channel_year: float | None = None
    false_per_desk_day: float | None = None
    alarms_per_desk_day: float | None = None
    not_judged: int = 0


@dataclass
class Scores:
    """Everything that a backtest found.

    Parameters
    ----------
    whole : Tally
    classes : dict of str to Tally
    desks : dict of str to dict
        Days, alarms, false alarms and alarms a day of each.
    told : list of Episode
        All alarms.
    outcomes : list of Outcome
    false_alarms : list of Episode
        That no known event explains; None when there were no labels.
    """

    whole: Tally
    classes: dict[str, Tally]
    desks: dict[str, dict[str, Any]]
    told: list[Episode]
    outcomes: list[Outcome] = field(default_factory=list)
    false_alarms: list[Episode] | None = None


def scores(trial: BacktestResult, events: Sequence[Event] | None) -> Scores:
    """Hold the alarms of a trial against events; with None nothing is called false."""
    told = episodes(trial.alarms)
    outcomes = [_judged(outcome, trial) for outcome in explained(told, events or [])]
    true = {e.first.id for outcome in outcomes for e in outcome.rung}
    false = None if events is None else [e for e in told if e.first.id not in true]
    counting = _Counting(trial, told, false)
    names = sorted({counting.class_of[channel] for channel in trial.spans})
    classes = {
        name: counting.tally({name}, [o for o in outcomes if name in o.event.classes])
        for name in names
    }
    return Scores(
        counting.tally(set(names), outcomes), classes, counting.desks(), told, outcomes, false
    )


def explained(told: Sequence[Episode], events: Sequence[Event]) -> list[Outcome]:
    """What rang for each event; alarms that operators judged to be a nuisance rang for none."""
    nuisances = [event for event in events if event.label.verdict == "nuisance"]
    true = [e for e in told if not any(event.rung_by(e.first) for event in nuisances)]
    return [
        Outcome(event, [e for e in true if event.rung_by(e.first)])
        for event in events
        if event.label.verdict == "event"
    ]


def _judged(outcome: Outcome, trial: BacktestResult) -> Outcome:
    """Whether readings of its channels reach into the time of the event.

    A channel that stopped before the event, while others went on, can still ring as silent.
    """
    event = outcome.event
    begin_ns, end_ns = (t.timestamp() * 1e9 for t in (event.begin, event.end))
    own = [trial.spans[name] for name in event.channels if name in trial.spans]
    judged = any(first <= end_ns and begin_ns <= last for _, first, last in own)
    rules = event.label.rules.split()
    if own and (not rules or "silent" in rules):
        last_ns = max(last for _, _, last in trial.spans.values())
        judged |= min(first for _, first, _ in own) <= end_ns and begin_ns <= last_ns
    return replace(outcome, judged=judged or bool(outcome.rung))


class _Counting:
    """Tallies over sets of classes."""

    def __init__(
        self,
        trial: BacktestResult,
        told: Sequence[Episode],
        false: Sequence[Episode] | None,
    ) -> None:
        catalogue = trial.configuration.catalogue
        self.class_of = dict(zip(catalogue.ids, catalogue.classes(), strict=True))
        self._trial, self._told = trial, told
        self._false = false

    def tally(self, classes: set[str], outcomes: Sequence[Outcome]) -> Tally:
        """Figures of some classes together, and of the events that concern them."""
        judged = [o for o in outcomes if o.judged]
        found = [o for o in judged if o.rung]
        delays = sorted(d for o in found if (d := o.delay_s) is not None)
        spans = [s for name, s in self._trial.spans.items() if self.class_of[name] in classes]
        tally = Tally(len(judged), len(found), len(judged) - len(found))
        tally.not_judged = len(outcomes) - len(judged)
        tally.delay_p50_s, tally.delay_p95_s = nearest_rank(delays, 50), nearest_rank(delays, 95)
        tally.colour_errors = sum(o.wrong_colour for o in outcomes)
        tally.alarms = self._count(self._told, classes)
        tally.channels = len(spans)
        tally.channel_years = sum(last - first for _, first, last in spans) / YEAR_NS
        days = self._desk_days(classes)
        tally.desks, tally.desk_days = len(days), sum(days.values())
        tally.alarms_per_desk_day = _per(tally.alarms, tally.desk_days)
        if self._false is not None:
            false = tally.false_alarms = self._count(self._false, classes)
            tally.precision = _per(tally.alarms - false, tally.alarms)
            tally.false_per_channel_year = _per(false, tally.channel_years)
            tally.false_per_desk_day = _per(false, tally.desk_days)
        return tally

    def _count(self, told: Sequence[Episode], classes: set[str]) -> int:
        return sum(self.class_of[e.first.channel] in classes for e in told)

    def _desk_days(self, classes: set[str]) -> dict[str, float]:
        """Days of each desk that rules of these classes ring at: while its channels reported."""
        spans: dict[str, list[tuple[int, int]]] = {}
        owners: dict[str, set[str]] = {}
        for pack in self._trial.configuration.packs.values():
            owners.setdefault(pack.class_name, set()).update(_owners(pack))
        for channel, (_, first, last) in self._trial.spans.items():
            if (name := self.class_of[channel]) in classes:
                for owner in owners[name]:
                    spans.setdefault(owner, []).append((first, last))
        return {
            owner: (max(last for _, last in of) - min(first for first, _ in of)) / DAY_NS
            for owner, of in sorted(spans.items())
        }

    def desks(self) -> dict[str, dict[str, Any]]:
        """Load of each desk."""
        found = {}
        for name, days in self._desk_days(set(self.class_of.values())).items():
            alarms = sum(e.desk == name for e in self._told)
            false = self._false and sum(e.desk == name for e in self._false)
            found[name] = {
                "days": days,
                "alarms": alarms,
                "false_alarms": None if self._false is None else false or 0,
                "alarms_per_day": _per(alarms, days),
            }
        return found


def _owners(pack: ClassPack) -> set[str]:
    rules = [pack.rule(name) for name in RULES]
    owners = [rule.duty.owner for rule in rules if rule is not None]
    return {desk(pack.lifeline, owner.level, owner.role) for owner in owners}


def _per(count: float, of: float) -> float | None:
    return count / of if of else None


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The value that a share of sorted ones does not exceed, None without any.

    >>> nearest_rank([1.0, 2.0, 30.0], 50), nearest_rank([1.0, 2.0, 30.0], 95)
    (2.0, 30.0)
    """
    return values[max(-(-len(values) * percent // 100) - 1, 0)] if values else None


def as_json(scores: Scores) -> dict[str, Any]:
    """What `backtest.json` says of the alarms; each of them where no labels say which are false."""
    return {
        "whole": _figures(scores.whole),
        "classes": {name: _figures(tally) for name, tally in scores.classes.items()},
        "desks": scores.desks,
        "events": [_event(outcome) for outcome in scores.outcomes],
        "false_alarms": [_told(episode) for episode in scores.false_alarms or []],
        **(
            {"alarms": [_told(episode) for episode in scores.told]}
            if scores.false_alarms is None
            else {}
        ),
    }


def _figures(tally: Tally) -> dict[str, Any]:
    """All figures; `not_judged` only where there is one."""
    figures = asdict(tally)
    if not tally.not_judged:
        del figures["not_judged"]
    return figures


def _event(outcome: Outcome) -> dict[str, Any]:
    label = outcome.event.label
    return {
        "name": label.name,
        "from": label.begin,
        "to": label.end,
        "classes": sorted(outcome.event.classes),
        "found": bool(outcome.rung) if outcome.judged else None,
        "delay_s": outcome.delay_s,
        "colour": outcome.colour,
        "declared_colour": label.colour,
        "alarms": [episode.first.id for episode in outcome.rung],
    }


def _told(episode: Episode) -> dict[str, Any]:
    first = episode.first
    return {
        "id": first.id,
        "channel": first.channel,
        "rule": first.rule.name,
        "desk": episode.desk,
        "detected": first.detected,
        "colour": episode.worst,
        "say": first.say["en"],
    }
