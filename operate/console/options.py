"""What `tocsin console` is told."""

import argparse
from pathlib import Path
from typing import get_args

from contracts.settings.console import RoleName
from runtime.installation import CONFIGS


def console(command: argparse.ArgumentParser) -> None:
    """Its acts."""
    acts = command.add_subparsers(dest="act", required=True, metavar="ACT")
    run = acts.add_parser("run", help="serve the page until interrupted")
    where = "configuration folder (default: the one shipped with Tocsin)"
    run.add_argument("--configs", type=Path, default=CONFIGS, metavar="FOLDER", help=where)
    run.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    probes = "port of probes and metrics, instead of the configured one"
    run.add_argument("--port", type=int, help=probes)
    user = acts.add_parser("user", help="print an entry of the file of users for a password")
    user.add_argument("user", help="name to sign in with")
    user.add_argument("--role", choices=get_args(RoleName), default="operator")
