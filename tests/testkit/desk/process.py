"""A real process that runs the desk stage with the small desk of tests."""

import argparse
import asyncio
import hashlib
import logging
import sys
from pathlib import Path

from app.process.desk_worker import DeskParts
from app.process.run import run_desk
from tests.testkit.desk.plain_desk import PlainDesk
from tests.testkit.desk.world import judge

PLAIN = b"plain"  # what governs it


def hash_of(bundle: bytes) -> str:
    """Name of a bundle."""
    return hashlib.blake2b(bundle, digest_size=8).hexdigest()


PARTS = DeskParts(hash_of(PLAIN), PLAIN, lambda bundle: PlainDesk(hash_of(bundle)), judge)


def main() -> int:
    """Run until told to stop; the options are those of `tocsin run`."""
    options = argparse.ArgumentParser()
    options.add_argument("--configs", type=Path, required=True)
    for name in ("--bootstrap", "--state", "--instance"):
        options.add_argument(name)
    options.add_argument("--port", type=int)
    arguments = options.parse_args()
    arguments.lifeline = None
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(run_desk(arguments, lambda _: PARTS))


if __name__ == "__main__":
    sys.exit(main())
