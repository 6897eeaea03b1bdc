"""Rules of the floor plan: what lies where, and who imports whom, beyond the import contracts.

Each rule takes the Python files of the repository, text by path, and gives findings as
`tests/tidy.py` does.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from tests import syntax_tree
from tests.tidy import ROOMS

Files = Mapping[str, str]

MODULES_MAX = 15
MODULES_MAX_IN = {"benchmarks": 20}  # one script a claim
APP_LINES_MAX = 4_500  # it composes; what grows there belongs into a room
# Top-level folders with Python code outside the import contracts.
UNWATCHED = {"tests", "docs", "deploy"}
TESTKIT = "tests.testkit"
# Metaphors that a reader would have to learn here; the field has words for all of them.
PRIVATE_WORDS = {"ear", "seat", "hall", "understudy", "whispers", "burden", "yard", "house"}


def wide_folders(files: Files) -> list[str]:
    """Folders with so many modules that nobody sees them at a glance."""
    counts = Counter(
        str(path.parent) for path in map(PurePosixPath, files) if path.name != "__init__.py"
    )
    return [
        f"{folder}/: expected at most {most} modules, got {count}; make a folder of some"
        for folder, count in sorted(counts.items())
        if count > (most := MODULES_MAX_IN.get(folder, MODULES_MAX))
    ]


def import_circles(files: Files) -> list[str]:
    """A circle of imports among modules, type-only and late imports included."""
    modules = {_module(path): text for path, text in files.items() if _in_rooms(path)}
    graph = {
        module: {name for name in _imported(text) if name in modules and name != module}
        for module, text in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"{' < '.join(error.args[1])}: a circle; move what both need below them"]
    return []


def large_app(files: Files) -> list[str]:
    """More in `app/` than composition and commands take."""
    lines = sum(len(text.splitlines()) for path, text in files.items() if path.startswith("app/"))
    if lines < APP_LINES_MAX:
        return []
    return [
        f"app/: expected fewer than {APP_LINES_MAX} lines, got {lines}; move work into its room"
    ]


def private_names(files: Files) -> list[str]:
    """Modules and folders whose name is a metaphor of our own."""
    return [
        f"{path}: {word!r} means nothing to a newcomer; take the field's term"
        for path in sorted(files)
        for part in PurePosixPath(path).with_suffix("").parts
        for word in part.split("_")
        if word in PRIVATE_WORDS
    ]


def unwatched_folders(files: Files) -> list[str]:
    """Top-level folders with Python code that no import contract sees."""
    tops = {path.partition("/")[0] for path in files if "/" in path}
    return [
        f"{top}/: outside the import contracts; add it to `root_packages` in pyproject.toml"
        for top in sorted(tops - UNWATCHED - set(ROOMS))
    ]


def benchmarks_on_tests(files: Files) -> list[str]:
    """Imports of a test by a benchmark: what both need belongs into the testkit."""
    return [
        f"{path}: imports {name}; move what it needs to {TESTKIT}"
        for path, text in sorted(files.items())
        if path.startswith("benchmarks/")
        for name in sorted(_imported(text))
        if name.startswith("tests.") and not f"{name}.".startswith(f"{TESTKIT}.")
    ]


def _in_rooms(path: str) -> bool:
    return path.partition("/")[0] in ROOMS


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(text: str) -> set[str]:
    """Dotted names that may be modules: `from a import b` gives `a` and `a.b`."""
    return {name for node in ast.walk(syntax_tree.parse(text)) for name in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
