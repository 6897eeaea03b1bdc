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
