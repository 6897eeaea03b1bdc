"""`python -m tests.fuzz TARGET`: feed a target with inputs that reach new code.

What was reached is kept in `build/fuzz/TARGET`, so the next run goes on from there. An input that
finds something is left beside it; store it in `tests/fuzz/corpus/TARGET` with its mending.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.harness import INPUT_BYTES, TARGETS, compiled_modules, stored, target
from tests.tidy import ROOMS, ROOT

_EXECUTED: Final = re.compile(r"stat::number_of_executed_units: (\d+)")
MISSING: Final = (
    "fuzz: expected the package `atheris`, which is there for Linux on x86-64 alone, got none; "
    "`pytest tests/fuzz` runs the stored inputs without it\n"
)


def _corpus(name: str, kept: Path, seeds: dict[str, bytes]) -> Path:
    """Folder of inputs to go on from, with all that is known in it."""
    folder = kept / name
    folder.mkdir(parents=True, exist_ok=True)
    for seed, body in seeds.items():
        (folder / f"seed-{seed}").write_bytes(body)
    for path in stored(name):
        shutil.copyfile(path, folder / f"stored-{path.name}")
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=("all", *TARGETS))
    parser.add_argument("--seconds", type=int, default=0, help="how long (default: until --runs)")
    parser.add_argument("--runs", type=int, default=-1, help="how many inputs (default: any)")
    parser.add_argument("--seed", type=int, default=1, help="of what is made (default: 1)")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "fuzz", metavar="FOLDER")
    return parser.parse_args()


def _each(arguments: argparse.Namespace) -> int:
    """Fuzz one target after the other, each in a process of its own; how many found something."""
    found = []
    for name in TARGETS:
        limits = ["--seconds", str(arguments.seconds), "--runs", str(arguments.runs)]
        command = [sys.executable, "-m", "tests.fuzz", name, *limits, "--kept", arguments.kept]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        count = _EXECUTED.search(done.stderr)
        sys.stdout.write(f"{name}: {count[1] if count else 'some'} inputs\n")
        if done.returncode:
            found.append(name)
            sys.stdout.write(done.stderr[-4_000:])
    sys.stdout.write(f"findings: {', '.join(found) or 'none'}\n")
    return len(found)


def main() -> int:
    """Fuzz until the time is up or the runs are done; a process ends at its first finding."""
    arguments = _arguments()
    try:
        import atheris  # noqa: PLC0415 - not on every platform
    except ImportError:
        sys.stderr.write(MISSING)
        return 2
    if arguments.target == "all":
        return _each(arguments)
    with atheris.instrument_imports(include=list(ROOMS), exclude=compiled_modules()):
        module = target(arguments.target)
    folder = _corpus(arguments.target, arguments.kept, dict(module.seeds()))
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-runs={arguments.runs}",
        f"-max_len={INPUT_BYTES}",
        "-timeout=60",
        "-rss_limit_mb=2048",
        f"-seed={arguments.seed}",
        "-print_final_stats=1",
        f"-artifact_prefix={arguments.kept / arguments.target}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder)], module.check)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
