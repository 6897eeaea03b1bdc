"""Options of `tocsin alarms`: what people answer to alarms and incidents."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

from contracts.desk.commands import Verdict
from contracts.desk.notice import Withheld
from runtime.installation import CONFIGS

Add = Callable[[argparse.ArgumentParser], None]
COLOURS: Final = ("blue", "yellow", "orange", "red")


def alarms(command: argparse.ArgumentParser) -> None:
    """What `tocsin alarms` takes: an act, and what that takes."""
    acts = command.add_subparsers(dest="act", required=True, metavar="ACT")
    for name, what in _VIEWS:
        view = acts.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name == "show":
            _target(view)
        view.add_argument("--json", action="store_true", help="records as they are, a line each")
        _places(view)
    _why(acts.add_parser("why", help=_WHY, description=f"{_WHY[0].upper()}{_WHY[1:]}."))
    label = acts.add_parser(
        "labels", help=_LABELS, description=f"{_LABELS[0].upper()}{_LABELS[1:]}."
    )
    _times(label)
    _places(label)
    for name, add, what in _REPORTS:
        report = acts.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        whole = name == HANDOVER
        which = "id of the desk" if whole else "id of one desk (default: all)"
        report.add_argument("--desk", metavar="DESK", required=whole, help=which)
        _times(report)
        add(report)
        _places(report)
    for name, add, what in _ACTS:
        act = acts.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        add(act)
        act.add_argument("--by", required=True, help="who says it; the journal keeps it")
        must = name in _REASONED
        act.add_argument("--reason", required=must, help="why, or a remark; the journal keeps it")
        act.add_argument("--key", type=Path, metavar="FILE", help="private key to sign with (PEM)")
        act.add_argument("--role", help="role to act in, if the key has several")
        _places(act)


def _times(report: argparse.ArgumentParser) -> None:
    report.add_argument("--from", dest="begin", metavar="TIME", help="RFC 3339")
    report.add_argument("--to", dest="end", metavar="TIME", help="RFC 3339 (default: now)")


def _why(act: argparse.ArgumentParser) -> None:
    _target(act)
    act.add_argument("--json", action="store_true", help="a line for each revision")
    whole = "write readings, rules, records, journal and proofs too"
    act.add_argument("--bundle", type=Path, metavar="FILE.zip", help=whole)
    _places(act)


def _places(act: argparse.ArgumentParser) -> None:
    act.add_argument(
        "--configs",
        type=Path,
        default=CONFIGS,
        metavar="FOLDER",
        help="configuration folder (default: the one shipped with Tocsin)",
    )
    act.add_argument("--bootstrap", help="Kafka address, instead of the configured one")


def _target(act: argparse.ArgumentParser) -> None:
    act.add_argument("target", help="id of an alarm (a-…) or of an incident (i-…)")


def _assign(act: argparse.ArgumentParser) -> None:
    _target(act)
    act.add_argument("owner", help="desk or person who has it from now on")
    act.add_argument("--joint", nargs="+", default=[], metavar="NAME", help="who else works on it")


def _advance(act: argparse.ArgumentParser) -> None:
    _target(act)
    act.add_argument("state", help="the ticket's next state, such as 'on site'")
    act.add_argument("--until", metavar="TIME", help="when a parked or extended one goes on")


def _closing(act: argparse.ArgumentParser) -> None:
    _target(act)
    act.add_argument("--verdict", required=True, choices=get_args(Verdict), help="what it was")


def _verdict(act: argparse.ArgumentParser) -> None:
    _target(act)
    act.add_argument("verdict", choices=get_args(Verdict), help="what it was")


def _move(act: argparse.ArgumentParser) -> None:
    act.add_argument("target", help="id of the alarm (a-…)")
    act.add_argument(
        "--to", default="", metavar="INCIDENT", help="where it belongs (default: on its own)"
    )


def _report(act: argparse.ArgumentParser) -> None:
    act.add_argument("asset", help="what it is about, as the catalogue names it")
    act.add_argument("--lifeline", required=True, help="which lifeline")
    act.add_argument("--colour", required=True, choices=COLOURS, help="how bad it is")
    act.add_argument("--target", default="", help="alarm or incident that it is evidence for")


def _maintenance(act: argparse.ArgumentParser) -> None:
    act.add_argument("order", nargs="?", help="name of the work order")
    act.add_argument(
        "--assets", nargs="+", metavar="ASSET", help="with their lifelines: water.dma-0417"
    )
    act.add_argument("--begins", metavar="TIME", help="RFC 3339")
    act.add_argument("--ends", metavar="TIME", help="RFC 3339; that of --begins withdraws it")
    act.add_argument(
        "--area", default="", help="cover only what lies in this district, street, or the like"
    )
    act.add_argument(
        "--csv", type=Path, metavar="FILE", help="many: order, asset, begins, ends, reason"
    )


def _drill(act: argparse.ArgumentParser) -> None:
    act.add_argument("state", choices=["on", "off"])


def _channel(act: argparse.ArgumentParser) -> None:
    act.add_argument("channel", help="id of the channel")


def _shelve(act: argparse.ArgumentParser) -> None:
    _channel(act)
    act.add_argument(
        "--for", dest="length", required=True, metavar="TIME", help="how long, such as '2 h'"
    )
    act.add_argument(
        "--once", action="store_true", help="end sooner: once the alarm is over (one-shot)"
    )


_LABELS: Final = "print incidents that were judged true or false as labels for tune and backtest"
_WHY: Final = "make the decision anew from the log, and say whether it is the same to the byte"


def _kpi(report: argparse.ArgumentParser) -> None:
    report.add_argument("--json", action="store_true", help="one record a desk, a line each")


def _withheld(report: argparse.ArgumentParser) -> None:
    report.add_argument(
        "--incident", metavar="ID", help="id of an incident (i-…), or of the alarm that began it"
    )
    reasons = get_args(Withheld.__annotations__["by"])
    report.add_argument("--reason", choices=reasons, help="only what this kept back")
    report.add_argument("--json", action="store_true", help="notices as they are, a line each")


def _handover(report: argparse.ArgumentParser) -> None:
    report.add_argument("--language", choices=("en", "zh"), help="one language (default: both)")
    report.add_argument("--html", action="store_true", help="a page for browsers, not Markdown")


HANDOVER: Final = "handover"
_REPORTS: Final[tuple[tuple[str, Add, str], ...]] = (
    ("kpi", _kpi, "show how well desks are served: rates, floods, answers (ISA-18.2, EEMUA 191)"),
    ("withheld", _withheld, "say what desks were not told, and why"),
    (HANDOVER, _handover, "write the sheet that a shift of a desk leaves to the next"),
)
_VIEWS: Final = (
    ("list", "list what is open, incidents first, the worst on top"),
    ("show", "show all about an alarm or an incident"),
)
_REASONED: Final = ("comment", "report", "shelve", "unshelve")
_ACTS: Final[tuple[tuple[str, Add, str], ...]] = (
    ("ack", _target, "say that somebody has seen it"),
    ("confirm", _target, "say that it is dealt with"),
    ("reset", _target, "let go of what is over and latched"),
    ("comment", _target, "add a remark to its history"),
    ("assign", _assign, "say whose it is now"),
    ("advance", _advance, "move the ticket of an incident to its next state"),
    ("dispatch", _target, "move the ticket of an incident to `dispatched`"),
    ("close", _closing, "close the ticket of an incident that was checked"),
    ("verdict", _verdict, "say what it was, whatever its state: a label for tuning"),
    ("move", _move, "put an alarm into another incident, or into one of its own"),
    ("report", _report, "tell what a person found"),
    ("maintenance", _maintenance, "give work orders: what their assets ring is told to nobody"),
    ("drill", _drill, "begin or end a drill; every record of it says so"),
    ("shelve", _shelve, "hold back a channel's alarms for a while, on record"),
    ("unshelve", _channel, "end a shelving before its time"),
)
