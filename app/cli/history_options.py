"""What `tocsin history` is told: an act, and what that takes."""

import argparse
from pathlib import Path
from typing import Final

from runtime.installation import CONFIGS

COLOURS: Final = ("blue", "yellow", "orange", "red")
_PERIODICAL: Final = {"audit", "withheld", "alarms"}


def history(command: argparse.ArgumentParser) -> None:
    """Its acts."""
    acts = command.add_subparsers(dest="act", required=True, metavar="ACT")
    for name, what in _ACTS.items():
        act = acts.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        act.add_argument(
            "--configs",
            type=Path,
            default=CONFIGS,
            metavar="FOLDER",
            help="configuration folder (default: the one shipped with Tocsin)",
        )
        if name in {"run", "rebuild"}:
            act.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
        else:
            act.set_defaults(bootstrap=None)
        if name == "run":
            act.add_argument("--port", type=int, help="HTTP port, instead of the configured one")
        if name == "prune":
            older = "how old what goes is, instead of `history.days`"
            act.add_argument("--days", type=int, metavar="N", help=older)
        if name not in _TENDING:
            _question(name, act)


def _question(name: str, act: argparse.ArgumentParser) -> None:
    if name == "show":
        act.add_argument("incident", help="id of an incident (i-…)")
    if name == "alarms":
        act.add_argument("channel", help="id of the channel")
    if name == "incidents":
        act.add_argument("--lifeline", default="", help="only those that this lifeline is in")
        act.add_argument("--district", default="", metavar="CODE", help="only those that lie there")
        act.add_argument("--colour", default="", choices=COLOURS, help="only those of this colour")
        act.add_argument("--owner", default="", metavar="NAME", help="only those that it has")
    if name in {"incidents", "withheld"}:
        told = "only those that this desk was told of"
        kept = "only what was kept back from this desk"
        act.add_argument("--desk", default="", help=told if name == "incidents" else kept)
    if name == "audit":
        act.add_argument("--by", default="", metavar="WHO", help="only what this person commanded")
    if name in _PERIODICAL:
        act.add_argument("--from", dest="begin", metavar="TIME", help="RFC 3339 (default: all)")
        act.add_argument("--to", dest="end", metavar="TIME", help="RFC 3339 (default: now)")
    if name != "show":
        act.add_argument("--most", type=int, default=1000, metavar="N", help="no more than these")
    act.add_argument("--json", action="store_true", help="records as they are, a line each")


_ACTS: Final = {
    "run": "keep the history up to date with the topics until interrupted",
    "rebuild": "make the history anew from the topics, then take its place",
    "migrate": "bring the tables to this release's version",
    "prune": "remove what is over and older than `history.days`",
    "incidents": "list open incidents, the most urgent first",
    "show": "tell all that happened to an incident, in order",
    "alarms": "list the alarms of a channel, the newest first",
    "audit": "list who commanded what, why, and what was refused",
    "withheld": "list notices that were kept back, and why",
    "unreadable": "list records that could not be read, and why",
}
_TENDING: Final = {"run", "rebuild", "migrate", "prune"}
