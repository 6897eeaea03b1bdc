"""Options of the engineer's bench: what months of readings are judged by."""

import argparse
from pathlib import Path


def _readings(command: argparse.ArgumentParser, *, labelled: bool = False) -> None:
    command.add_argument("data", type=Path, help="file or folder: .csv, .parquet, .jsonl")
    command.add_argument(
        "--labels", type=Path, required=labelled, help="known events (.yaml or .csv)"
    )
    command.add_argument(
        "--columns", type=Path, help="what the columns are, instead of columns.yaml beside a file"
    )


def backtest(command: argparse.ArgumentParser) -> None:
    """What `tocsin backtest` takes."""
    command.add_argument("config", type=Path, help="configuration folder")
    _readings(command)
    command.add_argument("--report", type=Path, default=Path("backtest"), help="where to write")
    command.add_argument(
        "--spark", metavar="MASTER", help="run the lanes on Spark executors, not on this machine"
    )
    command.add_argument("--json", action="store_true", help="print the figures as JSON")


def look(command: argparse.ArgumentParser) -> None:
    """What `tocsin look` takes."""
    command.add_argument("data", type=Path, help="file or folder: .csv, .parquet, .jsonl")
    command.add_argument(
        "--columns", type=Path, help="what the columns are, instead of columns.yaml beside a file"
    )
    command.add_argument("--json", action="store_true", help="print what was understood as JSON")


def compare(command: argparse.ArgumentParser) -> None:
    """What `tocsin compare` takes."""
    command.add_argument("old", type=Path, help="configuration folder that is in force")
    command.add_argument("new", type=Path, help="configuration folder that is proposed")
    _readings(command)
    command.add_argument(
        "--budget", type=float, help="alarms per desk-day that no desk may exceed; else exit code 1"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of Markdown")


def tune(command: argparse.ArgumentParser) -> None:
    """What `tocsin tune` takes."""
    command.add_argument("config", type=Path, help="configuration folder")
    _readings(command, labelled=True)
    command.add_argument(
        "--bounds", type=Path, required=True, help="figures that may change, and between what"
    )
    command.add_argument(
        "--false-alarms", type=float, required=True, help="most false alarms per channel-year"
    )
    command.add_argument("--trials", type=int, default=64, help="most sets of figures to try")
    command.add_argument("--out", type=Path, default=Path("tune"), help="where to write")
    command.add_argument("--json", action="store_true", help="print the figures as JSON")


def new(command: argparse.ArgumentParser) -> None:
    """What `tocsin new` takes."""
    kinds = command.add_subparsers(dest="what", required=True, metavar="WHAT")
    what = "write the files of a new class, with placeholders that check refuses"
    made = kinds.add_parser("class", help=what, description=f"{what[0].upper()}{what[1:]}.")
    made.add_argument("config", type=Path, help="configuration folder")
    made.add_argument("name", help="class, such as water.sump_level")
    made.add_argument("--unit", required=True, help="of its values: m, kPa, m3/h")
    made.add_argument("--period", required=True, help="how often a channel reports: '60 s'")
    made.add_argument(
        "--range",
        type=float,
        nargs=2,
        required=True,
        metavar=("LOW", "HIGH"),
        help="smallest and largest value that can be true",
    )
    made.add_argument(
        "--rules",
        nargs="+",
        default=["limit", "silent", "invalid"],
        metavar="RULE",
        help="kinds of rules (default: limit silent invalid)",
    )
    made.add_argument("--channel", default="", help="id that the tests beside it are about")
