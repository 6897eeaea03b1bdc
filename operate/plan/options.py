"""What `tocsin plan` is told."""

import argparse
from pathlib import Path
from typing import get_args

from operate.plan.messages import READINGS_MAX, Form


def plan(command: argparse.ArgumentParser) -> None:
    """Channels, rules, and how readings come."""
    what = "channels that are planned, of any lifelines: .csv, .parquet, .yaml"
    command.add_argument("catalogue", type=Path, metavar="CATALOGUE", help=what)
    folder = "folder with their classes; its own catalogues are left aside"
    command.add_argument("config", type=Path, metavar="CONFIG", help=folder)
    command.add_argument(
        "--form", choices=get_args(Form), default="json", help="of messages (default: json)"
    )
    command.add_argument(
        "--per-message",
        type=_per_message,
        default=1,
        metavar="N",
        help="readings in each message (default: 1)",
    )
    run = "run a lane of these channels on made readings, and print the error of the prediction"
    command.add_argument("--run", action="store_true", help=run)
    command.add_argument("--json", action="store_true", help="print it as JSON")


def _per_message(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= READINGS_MAX:
        return int(text)
    msg = f"expected 1 to {READINGS_MAX} readings, got {text!r}"
    raise argparse.ArgumentTypeError(msg)
