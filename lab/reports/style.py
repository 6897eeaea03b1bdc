"""How report pages look."""

from datetime import datetime, timezone
from typing import Final

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
.incident{background:var(--card);border-radius:.5rem;padding:.8rem;margin:0 0 1rem;
overflow-wrap:break-word}
.incident h3{font-size:1.1rem;margin:0 0 .3rem}summary{cursor:pointer;padding:.4rem 0}
@media(max-width:40rem){.rows thead{display:none}.rows tr{display:block;padding:.5rem 0;
border-bottom:1px solid var(--rule)}.rows td{display:block;border:0;padding:0}
.rows td:first-child{font-weight:600}.rows td:nth-child(n+2)::before{content:attr(data-what)" ";
color:var(--soft)}}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:1rem}
.card{background:var(--card);border-radius:.5rem;padding:.8rem;min-width:0;overflow-wrap:anywhere}
.card h3{font-size:1rem;margin:0 0 .3rem}
.badge{color:#fff;border-radius:.3rem;padding:.05rem .45rem;font-size:.85rem;margin-right:.3rem}
svg{width:100%;height:auto;display:block;margin:.4rem 0}svg text{font-size:11px;fill:var(--soft)}
.axis{fill:none;stroke:var(--rule)}.line{fill:none;stroke:var(--ink);stroke-width:1.2}
.band{fill:#2f6fde;opacity:.25}.mark{stroke-width:2;opacity:.85}
"""


def when(time: str, zone: timezone | None = None) -> str:
    """A time to the minute, in a zone or as it is written: alarms are stamped in the city's.

    >>> when("2022-03-24T08:00:00+01:00", timezone.utc)
    '2022-03-24 07:00'
    >>> when("2022-03-24T08:00:00+01:00")
    '2022-03-24 08:00'
    """
    moment = datetime.fromisoformat(time)
    return f"{moment.astimezone(zone) if zone else moment:%Y-%m-%d %H:%M}"
