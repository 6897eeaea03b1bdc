"""What all targets share: how one is found, fed, and told what it may raise."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol, cast

from tests.tidy import ROOMS, ROOT

CORPUS: Final = Path(__file__).parent / "corpus"
TARGETS: Final = (
    "json_messages",
    "arrow_messages",
    "record_batches",
    "journal_entries",
    "commands",
    "snapshots",
    "yaml_files",
    "catalogues",
    "lanes",
)
# Every input is at most this long: what matters fits in, and a run has more of them.
INPUT_BYTES: Final = 4096


class Target(Protocol):
    """A module of this folder."""

    @staticmethod
    def seeds() -> Mapping[str, bytes]:
        """Sound inputs by name, from which others are made."""

    @staticmethod
    def check(data: bytes) -> None:
        """Parse an input; whatever escapes is a finding."""


def target(name: str) -> Target:
    """The module of a target."""
    return cast("Target", importlib.import_module(f"tests.fuzz.{name}"))


def stored(name: str) -> Iterator[Path]:
    """Inputs of a target that are kept in the tree: each once found something."""
    folder = CORPUS / name
    return iter(sorted(folder.iterdir()) if folder.is_dir() else ())


def compiled_modules() -> list[str]:
    """Modules that hold numba kernels.

    The compiler reads the bytecode that instrumentation would change, and what it makes of it has
    no hooks: such modules are fuzzed without coverage.
    """
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in paths
        if "numba" in path.read_text(encoding="utf-8")
    ]
