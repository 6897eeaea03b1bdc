"""What `tocsin resilience` is told."""

import argparse
from pathlib import Path

from runtime.installation import CONFIGS


def resilience(command: argparse.ArgumentParser) -> None:
    """An incident, a period or a file, and what is wanted of it."""
    command.add_argument(
        "incident", nargs="?", help="id of an incident (i-…) of the history (default: a period)"
    )
    source = command.add_mutually_exclusive_group()
    alarms = "alarms that `tocsin replay --out` wrote (.jsonl), instead of the history"
    source.add_argument("--alarms", type=Path, metavar="FILE", help=alarms)
    series = "a lifeline's own figures: columns time, supply, demand (.csv); no supply is blind"
    source.add_argument("--series", type=Path, metavar="FILE", help=series)
    command.add_argument(
        "--from", dest="begin", metavar="TIME", help="RFC 3339 (default: 30 days before the end)"
    )
    command.add_argument(
        "--to", dest="end", metavar="TIME", help="RFC 3339 (default: as far as anything is known)"
    )
    command.add_argument(
        "--control",
        default="24 h",
        metavar="TIME",
        help="control time of normalised resilience, so that events compare (default: 24 h)",
    )
    command.add_argument(
        "--configs",
        type=Path,
        default=CONFIGS,
        metavar="FOLDER",
        help="configuration folder (default: the one shipped with Tocsin)",
    )
    command.set_defaults(bootstrap=None)
    report = "write a page with the curves, too (.html)"
    command.add_argument("--report", type=Path, metavar="FILE", help=report)
    command.add_argument("--json", action="store_true", help="print all figures as one record")
