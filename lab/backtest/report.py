"""A backtest as one page that needs nothing beside it: tables, and pictures.

Of every known event, or without labels of every alarm.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from contracts.dead_letter import DeadLetter
from lab.backtest.column_decoder import Points
from lab.backtest.result import BacktestResult
from lab.backtest.score import NOT_JUDGED, Episode, Outcome, Scores, Tally
from lab.data.refusals import Refusals
from lab.reports.plot import FILL, plot, plot_event
from lab.reports.style import STYLE, when
from lab.reports.tables import cell, lasting

LISTED_MAX: Final = 300  # alarms; what is left out is said
TALLY: Final = (
    ("events", "events"),
    ("found", "found"),
    ("missed", "missed"),
    ("delay_p50_s", "delay p50"),
    ("delay_p95_s", "delay p95"),
    ("colour_errors", "wrong colour"),
    ("alarms", "alarms"),
    ("false_alarms", "false"),
    ("precision", "precision"),
    ("channel_years", "channel-years"),
    ("false_per_channel_year", "false per channel-year"),
    ("false_per_desk_day", "false per desk-day"),
)


def page(
    trial: BacktestResult, scores: Scores, pictures: Sequence[Points], result: dict[str, Any]
) -> str:
    """HTML of a backtest.

    Parameters
    ----------
    trial : BacktestResult
    scores : Scores
    pictures : sequence of dict
        Points by channel around each event; without labels around each of the first alarms.
    result : dict
        What `backtest.json` holds.
    """
    rows = [*scores.classes.items(), ("all", scores.whole)]
    fields = tally_fields(scores.whole)
    units = {pack.class_name: pack.unit for pack in trial.configuration.packs.values()}
    catalogue = trial.configuration.catalogue
    unit_of = {
        name: units[kind] for name, kind in zip(catalogue.ids, catalogue.classes(), strict=True)
    }
    body = [
        "<h1>Tocsin backtest</h1>",
        f'<p class="soft">{escape(result["said"])}</p>',
        "<h2>Classes</h2>",
        _tallies(rows, fields),
        "<h2>Desks</h2>",
        _desks(scores.desks),
    ]
    if scores.outcomes:
        cards = [
            _card(outcome, points, trial, unit_of)
            for outcome, points in zip(scores.outcomes, pictures, strict=True)
        ]
        body += ["<h2>Known events</h2>", f'<div class="cards">{"".join(cards)}</div>']
    if scores.false_alarms is None:
        body += ["<h2>Alarms</h2>", _alarms(scores.told, pictures, trial.refusals)]
    if scores.false_alarms:
        body += ["<h2>Alarms without an event</h2>", _listed(scores.false_alarms)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tocsin backtest</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def tally_fields(whole: Tally) -> Sequence[tuple[str, str]]:
    """Columns of the table of classes; events that are not judged have one when there are any."""
    missed = 1 + [name for name, _ in TALLY].index("missed")
    extra = (("not_judged", "not judged"),) if whole.not_judged else ()
    return (*TALLY[:missed], *extra, *TALLY[missed:])


def _tallies(rows: Sequence[tuple[str, Tally]], fields: Sequence[tuple[str, str]]) -> str:
    cells = [
        [name, *(cell(field, getattr(tally, field)) for field, _ in fields)] for name, tally in rows
    ]
    return _table(["class", *(words for _, words in fields)], cells)


def _desks(desks: dict[str, dict[str, Any]]) -> str:
    fields = ("days", "alarms", "false_alarms", "alarms_per_day")
    rows = [[name, *(cell(field, load[field]) for field in fields)] for name, load in desks.items()]
    return _table(["desk", "days", "alarms", "false", "alarms a day"], rows)


def _card(outcome: Outcome, points: Points, trial: BacktestResult, unit_of: dict[str, str]) -> str:
    label, zone = outcome.event.label, trial.configuration.civil_time
    channel = _shown(outcome, points)
    picture = '<p class="soft">no readings around it</p>'
    if channel is not None:
        series = sorted(points[channel])
        begin, end = (round(t.timestamp() * 1000) for t in (outcome.event.begin, outcome.event.end))
        ids = {episode.first.id for episode in outcome.rung}
        mine = [alarm for alarm in trial.alarms if alarm.channel == channel and alarm.id in ids]
        words = (unit_of[channel], label.name)
        refused = _refused(trial.refusals, channel, points)
        told = (mine, refused)
        picture = plot_event(series, told, (begin, end), words, zone) + _why(refused)
    said = "".join(
        f"<li>{when(e.first.detected)} {escape(e.first.say['en'])} "
        f'<span class="soft">({escape(e.first.rule.name)} on {escape(e.first.channel)})</span></li>'
        for e in outcome.rung
    )
    return (
        f'<div class="card"><h3>{_badge(outcome)}{escape(label.name)}</h3>{picture}'
        f'<p class="soft">{escape(channel or label.channel or label.class_name or label.place)}, '
        f"{when(label.begin, zone)} to {when(label.end, zone)}</p><ul>{said}</ul></div>"
    )


def _alarms(told: Sequence[Episode], pictures: Sequence[Points], refusals: Refusals) -> str:
    """A picture of each of the first alarms, and how many there are beside."""
    cards = "".join(
        _alarm_card(episode, points, _refused(refusals, episode.first.channel, points))
        for episode, points in zip(told, pictures, strict=False)
    )
    more = len(told) - len(pictures)
    left = f"<p>{more:,} more in backtest.json</p>" if more > 0 else ""
    return f'<div class="cards">{cards}</div>{left}' if told else "<p>none rang</p>"


def _refused(refusals: Refusals, channel: str, points: Points) -> list[DeadLetter]:
    """Refused readings of a channel during a picture."""
    times = [time_ms for time_ms, _ in points.get(channel, ())]
    if not times:
        return []
    first, last = min(times) * 1_000_000, (max(times) + 1) * 1_000_000
    mine = [one for one in refusals.letters if one.channel == channel]
    return [one for one in mine if one.time_ns is not None and first <= one.time_ns < last]


def _why(refused: Sequence[DeadLetter]) -> str:
    """How many readings were refused and why, nothing when none was."""
    counted = Counter(letter.reason for letter in refused)
    said = ", ".join(f"{count:,} {escape(reason)}" for reason, count in counted.most_common())
    return f'<p class="soft">refused (crosses): {said}</p>' if refused else ""


def _alarm_card(episode: Episode, points: Points, refused: Sequence[DeadLetter]) -> str:
    first, series = episode.first, sorted(points.get(episode.first.channel, []))
    picture = '<p class="soft">no readings around it</p>'
    if series:
        picture = plot(series, episode.revisions, refused) + _why(refused)
    last = episode.revisions[-1]
    end = f"to {when(last.detected)}" if last.state == "cleared" else "still rings"
    fill = FILL[episode.worst]
    return (
        f'<div class="card"><h3><span class="badge" style="background:{fill}">'
        f"{escape(episode.worst)}</span>{escape(first.say['en'])}</h3>{picture}"
        f'<p class="soft">{escape(first.rule.name)} on {escape(first.channel)}, '
        f"{when(first.detected)} {end}; {escape(episode.desk)}</p></div>"
    )


def _shown(outcome: Outcome, points: Points) -> str | None:
    """Channel for the picture: that of the first alarm, else the first that has readings."""
    rung = [e.first.channel for e in outcome.rung if e.first.channel in points]
    return next(iter(rung or sorted(points)), None)


def _badge(outcome: Outcome) -> str:
    if not outcome.judged:
        return f'<span class="badge" style="background:var(--soft)">{escape(NOT_JUDGED)}</span>'
    if not outcome.rung:
        return f'<span class="badge" style="background:{FILL["red"]}">MISSED</span>'
    delay = outcome.delay_s
    assert delay is not None
    text = f"{outcome.colour} after {lasting(delay)}"
    if outcome.wrong_colour:
        text += f", expected {outcome.event.label.colour}"
    return f'<span class="badge" style="background:{FILL[outcome.colour]}">{escape(text)}</span>'


def _listed(false: Sequence[Episode]) -> str:
    items = "".join(
        f"<li>{when(e.first.detected)} {escape(e.first.say['en'])} "
        f'<span class="soft">({escape(e.first.rule.name)}, {escape(e.desk)})</span></li>'
        for e in false[:LISTED_MAX]
    )
    more = len(false) - LISTED_MAX
    return f"<ul>{items}</ul>" + (f"<p>{more:,} more in backtest.json</p>" if more > 0 else "")
