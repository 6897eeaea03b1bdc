"""Environments of other stream processors, made once, and their jobs as processes of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

JOBS = Path(__file__).parents[1] / "peers"
MADE = Path("build") / "peers"
DEADLINE_S = 240.0  # of one run
SETUP_S = 900.0

Command = Callable[[str, str, int, Path], Sequence[str]]


class NotMeasured(Exception):  # noqa: N818 - an outcome, not a fault of this program
    """A peer that cannot be set up or does not finish here, with the reason."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One setting of one stream processor.

    Parameters
    ----------
    name : str
    command : callable
        Words of its process from bootstrap, topic, readings and a folder for its state.
    readings : int
        How many it takes, from the beginning of the topic: fewer for slow ones.
    asked : bool
        Whether it runs only when it is asked for.
    """

    name: str
    command: Command
    readings: int
    asked: bool = False

    def rate(self, bootstrap: str, topic: str, folder: Path) -> float:
        """Readings a second over the last four fifths; raises `NotMeasured`."""
        words = self.command(bootstrap, topic, self.readings, folder)
        said = _run(words, DEADLINE_S).split()
        if not said:
            msg = "it ended before its last reading"
            raise NotMeasured(msg)
        return float(said[-1])


def _run(words: Sequence[str], deadline_s: float) -> str:
    """Output of a process; a failed one's last line is the reason why nothing is measured."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, timeout=deadline_s, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{words[0]}: {type(error).__name__}"
        raise NotMeasured(msg) from error
    if ended.returncode:
        lines = (ended.stderr or ended.stdout).strip().splitlines() or ["no word"]
        msg = f"exit code {ended.returncode}: {lines[-1][:200]}"
        raise NotMeasured(msg)
    return ended.stdout


def java(name: str, heap: str = "2g") -> list[str]:
    """Words that start a Java peer's job, whose jars are copied and class compiled once."""
    made = MADE / name
    if not (made / "classes" / "Job.class").exists():
        if shutil.which("mvn") is None:
            msg = "Maven is not installed; run `make java`"
            raise NotMeasured(msg)
        copy = ["mvn", "--quiet", "--batch-mode", "--file", str(JOBS / name / "pom.xml")]
        copy += ["dependency:copy-dependencies", f"-DoutputDirectory={made.resolve() / 'libs'}"]
        _run([*copy, "-DincludeScope=runtime"], SETUP_S)
        compiled = ["javac", "-cp", f"{made / 'libs'}/*", "-d", str(made / "classes")]
        _run([*compiled, str(JOBS / name / "Job.java")], SETUP_S)
    opened = "--add-opens=java.base/java.util=ALL-UNNAMED"  # Flink's serializers ask for it
    return ["java", f"-Xmx{heap}", opened, "-cp", f"{made / 'libs'}/*:{made / 'classes'}", "Job"]


def python(name: str) -> list[str]:
    """Words that start a Python peer's job, whose environment is made once."""
    made = MADE / name
    if not (made / "complete").exists():
        _run([sys.executable, "-m", "venv", "--clear", str(made)], SETUP_S)
        install = [str(made / "bin" / "pip"), "install", "--quiet", "--no-deps", "-r"]
        _run([*install, str(JOBS / f"{name}.txt")], SETUP_S)
        (made / "complete").touch()
    return [str(made / "bin" / "python"), str(JOBS / f"{name}_job.py")]
