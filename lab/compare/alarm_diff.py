"""Which alarms differ between two configurations over the same readings, and how."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from contracts.alarm import Alarm
from lab.backtest.score import Episode, episodes

ADDED: Final = "added"
REMOVED: Final = "removed"
EARLIER: Final = "earlier"
LATER: Final = "later"
RECOLOURED: Final = "recoloured"
REVISED: Final = "revised"
KINDS: Final = (ADDED, REMOVED, EARLIER, LATER, RECOLOURED, REVISED)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Change:
    """An alarm that differs.

    Parameters
    ----------
    kinds : tuple of str
        Of `KINDS`: `earlier` or `later` by when it first rang, `recoloured` by its first and its
        worst colour, `revised` when only steps between or its end are others.
    old, new : Episode or None
        None where it does not ring.
    """

    kinds: tuple[str, ...]
    old: Episode | None
    new: Episode | None

    @property
    def episode(self) -> Episode:
        """The alarm as it will be, or as it was when it is removed."""
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True)
class Rung:
    """A known event that rang: its name, its classes, and the desks that it rang at."""

    name: str
    classes: frozenset[str]
    desks: frozenset[str]


@dataclass(frozen=True)
class Comparison:
    """Two configurations over the same readings.

    Parameters
    ----------
    said : str
        What was read.
    hashes : (str, str)
        Of the old and of the new configuration.
    changes : list of Change
    alarms : (list of Episode, list of Episode)
        All alarms, old and new.
    class_of : dict of str to str
        Class by channel.
    desks : dict of str to dict
        Load of each desk under the new configuration.
    found : (list of Rung, list of Rung) or None
        Known events that rang, old and new; None without labels.
    budget : float or None
        Alarms per desk-day.
    """

    said: str
    hashes: tuple[str, str]
    changes: list[Change]
    alarms: tuple[list[Episode], list[Episode]]
    class_of: dict[str, str]
    desks: dict[str, dict[str, Any]]
    found: tuple[list[Rung], list[Rung]] | None
    budget: float | None


def changes(old: Iterable[Alarm], new: Iterable[Alarm]) -> list[Change]:
    """Alarms that differ, by when they ring.

    Alarms of one channel and rule are the same when all their revisions have the same times and
    colours. Of the others two are held to be one when they overlap between onset and end, the
    earliest first; what is left was added or removed.
    """
    before, after = _by_rule(old), _by_rule(new)
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        found += _differences(before.get(key, []), after.get(key, []))
    return sorted(found, key=lambda change: change.episode.detected)


def _by_rule(alarms: Iterable[Alarm]) -> dict[tuple[str, str], list[Episode]]:
    found: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes(alarms):
        key = (episode.first.channel, episode.first.rule.name)
        found.setdefault(key, []).append(episode)
    return found


def steps(episode: Episode) -> tuple[tuple[datetime, str], ...]:
    """When it took which colour."""
    return tuple(
        (datetime.fromisoformat(alarm.detected), alarm.colour) for alarm in episode.revisions
    )


def _differences(old: Sequence[Episode], new: Sequence[Episode]) -> list[Change]:
    """Changes of one rule on one channel; its alarms follow one another."""
    same = {steps(e) for e in old} & {steps(e) for e in new}
    before = [e for e in old if steps(e) not in same]
    after = [e for e in new if steps(e) not in same]
    found: list[Change] = []
    i = j = 0
    while i < len(before) and j < len(after):
        if _overlap(before[i], after[j]):
            found.append(Change(_kinds(before[i], after[j]), before[i], after[j]))
            i, j = i + 1, j + 1
        elif before[i].detected < after[j].detected:
            found.append(Change((REMOVED,), before[i], None))
            i += 1
        else:
            found.append(Change((ADDED,), None, after[j]))
            j += 1
    found += [Change((REMOVED,), episode, None) for episode in before[i:]]
    return found + [Change((ADDED,), None, episode) for episode in after[j:]]


def _overlap(old: Episode, new: Episode) -> bool:
    begin = max(datetime.fromisoformat(e.first.onset) for e in (old, new))
    return begin < min(e.cleared or _NEVER for e in (old, new))


def _kinds(old: Episode, new: Episode) -> tuple[str, ...]:
    kinds = []
    if new.detected != old.detected:
        kinds.append(EARLIER if new.detected < old.detected else LATER)
    if (new.first.colour, new.worst) != (old.first.colour, old.worst):
        kinds.append(RECOLOURED)
    return tuple(kinds) or (REVISED,)
