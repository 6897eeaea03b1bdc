"""A comparison as Markdown for a pull request, and as JSON."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from lab.backtest.score import Episode
from lab.compare.alarm_diff import KINDS, Change, Comparison, Rung
from lab.reports.style import when
from lab.reports.tables import lasting

LISTED_MAX: Final = 200
NONE: Final = "–"
EVENTS: Final = ("events lost", "events gained")
Key = Callable[[Episode], str]
Places = Callable[[Rung], Iterable[str]]


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything that a comparison says; `broken` is empty when all is well."""
    known = found.found
    lost, gained = _moved(known)
    over = _over(found)
    return {
        "said": found.said,
        "old": found.hashes[0],
        "new": found.hashes[1],
        "alarms": {"old": len(found.alarms[0]), "new": len(found.alarms[1])},
        "desks": _counted(found, lambda e: e.desk, lambda event: event.desks),
        "classes": _counted(
            found, lambda e: found.class_of[e.first.channel], lambda event: event.classes
        ),
        "events": None
        if known is None
        else {
            "found_old": len(known[0]),
            "found_new": len(known[1]),
            "lost": [event.name for event in lost],
            "gained": [event.name for event in gained],
        },
        "budget": found.budget,
        "broken": [f"known event lost: {event.name}" for event in lost] + over,
        "changes": [_change(change) for change in found.changes],
    }


def _over(found: Comparison) -> list[str]:
    """Desks beyond the budget."""
    if found.budget is None:
        return []
    return [
        f"{name}: {load['alarms_per_day']:.3g} alarms a day, budget {found.budget:g}"
        for name, load in found.desks.items()
        if (load["alarms_per_day"] or 0.0) > found.budget
    ]


def _moved(known: tuple[list[Rung], list[Rung]] | None) -> tuple[list[Rung], list[Rung]]:
    """Known events that ring no more, and those that did not ring before."""
    old, new = known or ([], [])
    names = [{event.name for event in side} for side in (old, new)]
    return (
        [event for event in old if event.name not in names[1]],
        [event for event in new if event.name not in names[0]],
    )


def _counted(found: Comparison, key: Key, places: Places) -> dict[str, dict[str, Any]]:
    """Alarms, changes and known events by desk or by class; an event may be at several."""
    sides, moved = zip(("old", "new"), found.alarms, strict=True), _moved(found.found)
    seen = [(key(episode), word) for word, alarms in sides for episode in alarms]
    seen += [(key(change.episode), kind) for change in found.changes for kind in change.kinds]
    for word, events in zip(EVENTS, moved, strict=True):
        seen += [(name, word) for event in events for name in places(event)]
    rows: dict[str, dict[str, Any]] = {}
    for name, word in seen:
        rows.setdefault(name, dict.fromkeys(("old", "new", *KINDS, *EVENTS), 0))[word] += 1
    for name, counts in rows.items():
        if name in found.desks:
            counts["new_per_day"] = found.desks[name]["alarms_per_day"]
    return dict(sorted(rows.items()))


def _change(change: Change) -> dict[str, Any]:
    shown = change.episode

    def side(episode: Episode | None) -> dict[str, str] | None:
        if episode is None:
            return None
        return {"id": episode.first.id, "detected": episode.first.detected, "colour": episode.worst}

    return {
        "kinds": list(change.kinds),
        "channel": shown.first.channel,
        "rule": shown.first.rule.name,
        "desk": shown.desk,
        "old": side(change.old),
        "new": side(change.new),
        "say": shown.first.say["en"],
    }


def markdown(found: Comparison, result: dict[str, Any]) -> str:
    """What a reviewer reads."""
    counts = {kind: sum(kind in change.kinds for change in found.changes) for kind in KINDS}
    said = ", ".join(f"{n:,} {kind}" for kind, n in counts.items() if n) or "nothing differs"
    text = [f"## Alarms of `{found.hashes[1][:7]}` against `{found.hashes[0][:7]}`", ""]
    text += [f"**{said}**: {len(found.alarms[0]):,} alarms before, {len(found.alarms[1]):,} after."]
    text += [found.said, ""]
    text += [f"- **Broken:** {_cell(reason)}" for reason in result["broken"]]
    text += [""] if result["broken"] else []
    text += _events(result["events"])
    if result["desks"]:
        text += _table("desk", result["desks"], per_day=True)
        text += _table("class", result["classes"], per_day=False)
    return "\n".join([*text, *_listed(found.changes)]) + "\n"


def _events(events: dict[str, Any] | None) -> list[str]:
    if events is None:
        return []
    text = [f"Known events rung: {events['found_old']} before, {events['found_new']} after."]
    text += [f"- lost: {_cell(name)}" for name in events["lost"]]
    return [*text, *(f"- gained: {_cell(name)}" for name in events["gained"]), ""]


def _table(what: str, rows: dict[str, dict[str, Any]], *, per_day: bool) -> list[str]:
    names = ("old", "new", *KINDS, *EVENTS)
    last = ["new a day"] if per_day else []
    lines = [_row([what, *names, *last]), "|---|" + "---:|" * (len(names) + len(last))]
    for name, counts in rows.items():
        rate = counts.get("new_per_day")
        cells = [f"{rate:.3g}" if rate is not None else NONE] if per_day else []
        lines.append(_row([name, *(f"{counts[kind]:,}" for kind in names), *cells]))
    return [*lines, ""]


def _listed(found: Sequence[Change]) -> list[str]:
    if not found:
        return []
    head = ["change", "channel", "rule", "rang before", "rings after", "colour"]
    lines = [_row(head), "|---" * len(head) + "|"]
    lines += [_row(_cells(change)) for change in found[:LISTED_MAX]]
    more = len(found) - LISTED_MAX
    return [*lines, *([f"\n{more:,} more changes; `--json` has all."] if more > 0 else [])]


def _cells(change: Change) -> list[str]:
    old, new = change.old, change.new
    kinds = ", ".join(change.kinds)
    if old and new and old.detected != new.detected:
        kinds += f" by {lasting(abs((new.detected - old.detected).total_seconds()))}"
    colours = [_colours(episode) for episode in (old, new) if episode is not None]
    first = change.episode.first
    times = [when(e.first.detected) if e is not None else NONE for e in (old, new)]
    return [kinds, first.channel, first.rule.name, *times, " → ".join(dict.fromkeys(colours))]


def _colours(episode: Episode) -> str:
    """Colour in which it rang, and the worst that followed."""
    first, worst = episode.first.colour, episode.worst
    return first if first == worst else f"{first} to {worst}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(text) for text in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
