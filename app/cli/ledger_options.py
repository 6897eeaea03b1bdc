"""Options of `tocsin ledger`."""

import argparse
from pathlib import Path
from typing import Final

from runtime.installation import CONFIGS

_ACTS: Final = (
    ("run", "keep the ledger: follow the topics and sign what they say"),
    ("verify", "check every entry, tile and checkpoint; name what was changed, and where"),
    ("prove", "print proofs that records are in the ledger, as JSON lines"),
    ("asset", "print an asset's alarms, owners, tickets and maintenance over its life, as JSON"),
    ("responders", "print closing times and verdicts of all who had tickets, as JSON lines"),
    ("checkpoint", "print the newest checkpoint, for other hands to keep"),
)


def ledger(command: argparse.ArgumentParser) -> None:
    """What `tocsin ledger` takes: an act, and what that takes."""
    acts = command.add_subparsers(dest="act", required=True, metavar="ACT")
    for name, what in _ACTS:
        act = acts.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        act.add_argument(
            "--configs",
            type=Path,
            default=CONFIGS,
            metavar="FOLDER",
            help="configuration folder (default: the one shipped with Tocsin)",
        )
        if name == "run":
            act.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
            act.add_argument("--port", type=int, help="HTTP port, instead of the configured one")
            continue
        act.add_argument("--store", help="where it lies, instead of the configured place")
        act.add_argument("--verifier", help="public key to believe: NAME+ID+KEY, as printed")
        if name == "prove":
            ids = "id of an alarm, incident or command, or TOPIC:PARTITION:OFFSET"
            act.add_argument("target", help=ids)
        if name == "asset":
            act.add_argument("asset", help="asset with its lifeline: water.dma-0417")
        if name == "checkpoint":
            held = "kept checkpoint, or a sheet with one: prove that the ledger goes on from it"
            act.add_argument("--against", type=Path, metavar="FILE", help=held)
            act.add_argument(
                "--json", action="store_true", help="with the public key, or the proof"
            )
