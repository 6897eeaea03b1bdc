"""Rules of the house that no linter knows: each takes a file's path and text, and gives findings.

A path is relative to the repository, with forward slashes. A finding is one line for a person.
"""

import ast
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests import syntax_tree

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = tuple(PROJECT["tool"]["importlinter"]["root_packages"])
FILE_LINES_MAX = 550
FUNCTION_LINES_MAX = 40

TEXT_SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".xml", ".lock", ".html"}
TEXT_NAMES = {"Makefile", "Dockerfile", "run", "NOTICE", ".gitignore"}
# What the tools and a run leave behind; also in .gitignore.
LEFT_BY_TOOLS = {"build", "report", "state", "__pycache__", "node_modules"}
# These two hold what the rules look for.
EXEMPT = {"tests/tidy.py", "tests/test_tidy.py"}

LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root)/")
LOCK_LINE = re.compile(r"[a-z0-9.-]+==[^\s;]+( ; [^\\]+?)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

TIMELESS_ROOMS = ("detectors/", "alarms/")
CLOCK_OR_CHANCE = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("np", "random"),
    ("numpy", "random"),
    ("os", "urandom"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
}
CLOCK_OR_CHANCE_MODULES = {"time", "random", "secrets"}
UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
BROKEN_NAME = "StickyPartitionAssignor"


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of every text file of the repository."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if _is_ours(name))
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT_SUFFIXES or name in TEXT_NAMES:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def lengths(path: str, text: str) -> dict[str, int]:
    """Lines of a Python file and of each function in it that is over its limit.

    A function's docstring does not count: the house wants those long.
    """
    over = {path: count} if (count := len(text.splitlines())) > FILE_LINES_MAX else {}
    for name, function in _functions(_parse(text)):
        count = _lines(function)
        if count > FUNCTION_LINES_MAX:
            over[f"{path}::{name}"] = count
    return over


def ratchet(over: Mapping[str, int], allowed: Mapping[str, int]) -> list[str]:
    """Compare what is too long with what was allowed to be; an allowance may only shrink."""
    return [
        f"{name}: {over[name]} lines; split it"
        for name in over
        if name not in allowed or over[name] > allowed[name]
    ] + [
        f"{name}: now {over.get(name, 'short enough')}; lower its allowance of {allowed[name]}"
        for name in allowed
        if over.get(name, 0) < allowed[name]
    ]


def leftovers(path: str, text: str) -> list[str]:
    """Notes to self: such work belongs in an issue."""
    return [f"{path}:{line}: {found}" for line, found in _matches(LEFTOVER, text)]


def machine_paths(path: str, text: str) -> list[str]:
    """Paths that exist on one machine only."""
    return [
        f"{path}:{line}: machine path {found!r}" for line, found in _matches(MACHINE_PATH, text)
    ]


def lock_lines(path: str, text: str) -> list[str]:
    """Lines of a lock file other than pins and hashes, such as addresses of registries."""
    return [
        f"{path}:{number}: expected a pin or a hash, got {line!r}"
        for number, line in enumerate(text.splitlines(), 1)
        if not LOCK_LINE.fullmatch(line)
    ]


def clock_or_chance(path: str, text: str) -> list[str]:
    """Reads of a wall clock or a random source in the rooms where a replay must not differ."""
    if not path.startswith(TIMELESS_ROOMS):
        return []
    tree = _parse(text)
    return [
        f"{path}:{line}: {name} is a clock or chance; take it as an argument"
        for line, name in [
            *((line, name) for line, name in _imports(tree) if name in CLOCK_OR_CHANCE_MODULES),
            *((line, ".".join(pair)) for line, pair in _dotted(tree) if pair in CLOCK_OR_CHANCE),
        ]
    ]


def unsafe_imports(path: str, text: str) -> list[str]:
    """Formats whose loading runs code or whose bytes change between versions."""
    if not any(name in text for name in UNSAFE_MODULES):
        return []
    return [
        f"{path}:{line}: {name} must not be used; write a format that is only data"
        for line, name in _imports(_parse(text))
        if name in UNSAFE_MODULES
    ]


def sticky_assignor(path: str, text: str) -> list[str]:
    """Uses of aiokafka's sticky assignor, which can halt a whole group (its #1175 and #1176)."""
    if BROKEN_NAME not in text:
        return []
    return [
        f"{path}:{node.lineno}: {BROKEN_NAME} must not be used"
        for node in ast.walk(_parse(text))
        if (isinstance(node, ast.alias) and node.name == BROKEN_NAME)
        or (isinstance(node, ast.Name) and node.id == BROKEN_NAME)
        or (isinstance(node, ast.Attribute) and node.attr == BROKEN_NAME)
    ]


def consumer_loops(path: str, text: str) -> list[str]:
    """`async for` over a consumer, which passes over too large records (aiokafka #1173)."""
    if "async" not in text or "consumer" not in text.lower():
        return []
    return [
        f"{path}:{node.iter.lineno}: async for over a consumer; use getmany"
        for node in ast.walk(_parse(text))
        if isinstance(node, ast.AsyncFor | ast.comprehension)
        and (isinstance(node, ast.AsyncFor) or node.is_async)
        and "consumer" in ast.unparse(node.iter).lower()
    ]


def undocumented_folders(paths: set[str], inits: Mapping[str, str]) -> list[str]:
    """Folders with Python files in a room or the tests, without a one-line docstring.

    Parameters
    ----------
    paths : set of str
        All Python files.
    inits : mapping of str to str
        Text of each `__init__.py` by its path.
    """
    folders = {path.rpartition("/")[0] for path in paths if path.startswith((*ROOMS, "tests/"))}
    findings = []
    for folder in sorted(folder for folder in folders if folder):
        docstring = ast.get_docstring(_parse(inits.get(f"{folder}/__init__.py", "")))
        if not docstring or "\n" in docstring:
            findings.append(f"{folder}/__init__.py: expected a docstring of one line")
    return findings


def broken_links(path: str, text: str, root: Path = ROOT) -> list[str]:
    """Relative links of a Markdown file that lead nowhere."""
    folder = (root / path).parent
    return [
        f"{path}: {target!r} leads nowhere"
        for target in LINK.findall(FENCED.sub("", text))
        if not re.match(r"[a-z]+:|#", target) and not (folder / target.partition("#")[0]).exists()
    ]


def _is_ours(folder: str) -> bool:
    left = folder in LEFT_BY_TOOLS or folder.endswith(".egg-info")
    return folder == ".ci" or not (left or folder.startswith("."))


@cache
def _parse(text: str) -> ast.Module:
    return syntax_tree.parse(text)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group()


def _functions(
    tree: ast.AST, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.expr):  # no expression holds a function with a body
            continue
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}" if prefix else node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from _functions(node, name)


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return whole
    docstring = function.body[0]
    return whole - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and top-level name of each imported module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module.partition(".")[0]


def _dotted(tree: ast.AST) -> Iterator[tuple[int, tuple[str, str]]]:
    """Line and last two names of each dotted expression and `from` import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            yield node.lineno, (owner, node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, (node.module, alias.name)) for alias in node.names)
