"""The demo's report as one page that needs nothing beside it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from app.demo_plot import FILL, Points, plot
from contracts.alarm import Alarm
from lab.feeds.feed import CITY, Feed

ALARMS_MAX: Final = 200  # with pictures; what is left out is said

_RANK: Final = {"clear": 0, "blue": 1, "yellow": 2, "orange": 3, "red": 4}

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5a6572;--rule:#d9dee4;--paper:#fff;
--card:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--rule:#30363d;--paper:#0d1117;
--card:#161b22}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.25rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:.2rem 0}h2{margin:2rem 0 .6rem;border-bottom:1px solid var(--rule)}
p{margin:.35rem 0}.soft{color:var(--soft)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.7rem;
margin:1rem 0}
.fact{background:var(--card);border-radius:.5rem;padding:.6rem .8rem}
.fact b{font-size:1.3rem;display:block}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top}
.time{white-space:nowrap}
@media(max-width:40rem){.events thead{display:none}.events tr{display:block;padding:.5rem 0;
border-bottom:1px solid var(--rule)}.events td{display:block;border:0;padding:0}
.events td:first-child{color:var(--soft)}.events td:nth-child(2){font-weight:600}
.time::before{content:attr(data-what)" ";color:var(--soft)}}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:1rem}
.card{background:var(--card);border-radius:.5rem;padding:.8rem;min-width:0;overflow-wrap:anywhere}
.card h3{font-size:1rem;margin:0 0 .3rem}
.badge{color:#fff;border-radius:.3rem;padding:.05rem .45rem;font-size:.85rem;margin-right:.3rem}
svg{width:100%;height:auto;display:block;margin:.4rem 0}svg text{font-size:11px;fill:var(--soft)}
.axis{fill:none;stroke:var(--rule)}.line{fill:none;stroke:var(--ink);stroke-width:1.2}
.band{fill:#2f6fde;opacity:.25}.mark{stroke-width:2;opacity:.85}
"""


def page(feeds: Sequence[Feed], revisions: Sequence[Alarm], result: dict[str, Any]) -> str:
    """HTML of the report.

    Parameters
    ----------
    feeds : sequence of Feed
        What was played.
    revisions : sequence of Alarm
        In the order in which they were heard.
    result : dict
        What `summary.json` holds.
    """
    body = [
        "<h1>Tocsin demo report</h1>",
        f'<p class="soft">{escape(_accounting(result["accounting"]))}</p>',
        _facts(result, revisions),
        "<h2>Known events against alarms</h2>",
        _known(result["known_events"], unrung(result)),
        *_others(result["others"]),
    ]
    for feed in feeds:
        body += _chapter(feed, [a for a in revisions if a.lifeline == feed.lifeline])
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
        f'<td class="time" data-what="began">{when(event["expected"])}</td>'
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


def when(time: str) -> str:
    """A time as people compare it: the city's own, to the minute.

    >>> when("2022-03-24T08:00:00+01:00")
    '2022-03-24 15:00'
    """
    return f"{datetime.fromisoformat(time).astimezone(CITY):%Y-%m-%d %H:%M}"


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
