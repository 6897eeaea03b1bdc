"""The demo's report as one page that needs nothing beside it."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final, Protocol

from contracts.alarm import Alarm
from contracts.civil_time import CITY
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from lab.feeds.feed import Feed
from lab.reports.demo_incidents import incidents_chapter
from lab.reports.plot import FILL, Points, plot
from lab.reports.style import STYLE, when

ALARMS_MAX: Final = 200  # with pictures; what is left out is said

_RANK: Final = {"clear": 0, "blue": 1, "yellow": 2, "orange": 3, "red": 4}


class Heard(Protocol):
    """What was told, each in the order in which it was heard."""

    told: list[Alarm]
    incidents: list[Incident]
    notices: list[Notice]


def page(feeds: Sequence[Feed], heard: Heard, result: dict[str, Any]) -> str:
    """HTML of the report.

    Parameters
    ----------
    feeds : sequence of Feed
        What was played.
    heard : Heard
    result : dict
        What `summary.json` holds.
    """
    revisions = heard.told
    body = [
        "<h1>Tocsin demo report</h1>",
        f'<p class="soft">{escape(_accounting(result["accounting"]))}</p>',
        _facts(result, revisions),
        "<h2>Known events against alarms</h2>",
        _known(result["known_events"], unrung(result)),
        *_others(result["others"]),
        *incidents_chapter(heard.incidents, heard.notices),
    ]
    for feed in feeds:
        body += _chapter(feed, feed.rung(revisions))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tocsin demo report</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _accounting(account: dict[str, int]) -> str:
    parts = " + ".join(f"{n:,} {word}" for word, n in account.items() if n and word != "received")
    return f"{account.get('received', 0):,} readings received = {parts}"


def _facts(result: dict[str, Any], revisions: Sequence[Alarm]) -> str:
    known = result["known_events"]
    rung = sum(event["rung_at"] is not None for event in known)
    facts = [
        (f"{rung} of {len(known)}", "known events rung"),
        (str(result["other_alarms"]), "other alarms"),
        (str(len({alarm.id for alarm in revisions})), f"alarms, {len(revisions)} revisions"),
        (
            str(result["desk"]["incidents"]),
            f"incident{'s' * (result['desk']['incidents'] != 1)} "
            f"of {result['desk']['alarms_in_incidents']} alarms",
        ),
        (f"{result['readings_per_second']:,.0f}", "readings a second, as played"),
    ]
    boxes = "".join(
        f'<div class="fact"><b>{escape(value)}</b>{escape(word)}</div>' for value, word in facts
    )
    return f'<div class="facts">{boxes}</div>'


def unrung(result: dict[str, Any]) -> str:
    """What is said of a known event without an alarm."""
    return "not rung yet" if result["interrupted"] else "MISSED"


def _known(events: Iterable[dict[str, Any]], missed: str) -> str:
    rows = "".join(
        "<tr>"
        f"<td>{escape(event['lifeline'])}</td><td>{escape(event['name'])}</td>"
        f"<td>{escape(event['injected'] or 'in the recorded data')}</td>"
        f'<td class="time" data-what="began">{when(event["expected"], CITY)}</td>'
        f'<td class="time" data-what="rang">'
        f"{when(event['rung_at']) if event['rung_at'] else missed}</td></tr>"
        for event in events
    )
    head = "<tr><th>lifeline</th><th>event</th><th>origin</th><th>began</th><th>rang</th></tr>"
    return f'<div class="wide"><table class="events"><thead>{head}</thead>{rows}</table></div>'


def _others(others: Sequence[dict[str, Any]]) -> list[str]:
    """Alarms that no known event explains, each with its sentence."""
    if not others:
        return []
    items = "".join(
        f"<li>{when(other['detected'])} {escape(other['say'])} "
        f'<span class="soft">({escape(other["rule"])})</span></li>'
        for other in others
    )
    return ["<h2>Other alarms</h2>", f"<ul>{items}</ul>"]


def _chapter(feed: Feed, revisions: Sequence[Alarm]) -> list[str]:
    """One lifeline: where its readings come from, and a card for each alarm."""
    alarms: dict[str, list[Alarm]] = {}
    for alarm in revisions:
        alarms.setdefault(alarm.id, []).append(alarm)
    series: dict[str, list[tuple[int, float]]] = {}
    for time_ms, channel, value in feed.readings:
        series.setdefault(channel, []).append((time_ms, value))
    cards = [_card(series[told[0].channel], told) for told in list(alarms.values())[:ALARMS_MAX]]
    parts = [f"<h2>{escape(feed.lifeline)}</h2>", f'<p class="soft">{escape(feed.source)}</p>']
    if len(alarms) > ALARMS_MAX:
        parts.append(f"<p>{len(alarms) - ALARMS_MAX} more alarms in alarms.jsonl</p>")
    return [*parts, f'<div class="cards">{"".join(cards)}</div>']


def _card(points: Points, told: Sequence[Alarm]) -> str:
    worst = max(told, key=lambda alarm: _RANK[alarm.colour])
    first, last = told[0], told[-1]
    badge = f'<span class="badge" style="background:{FILL[worst.colour]}">{worst.colour}</span>'
    end = f"cleared {when(last.detected)}" if last.state == "cleared" else "not cleared"
    owner = f"{first.owner.level}: {first.owner.role}, by {when(first.owner.acknowledge_by)}"
    steps = "; ".join(first.respond.first)
    return (
        f'<div class="card"><h3>{badge}{escape(worst.say["en"])}</h3>'
        f'<p lang="zh">{escape(worst.say["zh"])}</p>{plot(points, told)}'
        f'<p class="soft">{escape(first.channel)}, rule {escape(first.rule.name)} at '
        f"{escape(first.rule.at)}: onset {when(first.onset)}, rang {when(first.detected)}, "
        f"{escape(end)}</p>"
        f"<p>{escape(owner)}. {escape(first.respond.procedure)}: {escape(steps)}</p></div>"
    )
