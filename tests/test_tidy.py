"""The house is tidy, and each rule of tidiness finds what it is there to find."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tidy

Rule = Callable[[str, str], list[str]]

CODE_RULES = [
    tidy.clock_or_chance,
    tidy.unsafe_imports,
    tidy.sticky_assignor,
    tidy.consumer_loops,
]
TEXT_RULES = [tidy.leftovers, tidy.machine_paths]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {path: text for path, text in tidy.texts() if path not in tidy.EXEMPT}


def test_the_house_was_read(texts: dict[str, str]) -> None:
    assert {"pyproject.toml", "Makefile", "contracts/__init__.py", ".ci/run"} <= set(texts)


def test_no_file_or_function_is_too_long() -> None:
    allowed = tomllib.loads((tidy.ROOT / "tests/tidy_allow.toml").read_text())["lengths"]
    over: dict[str, int] = {}
    for path, text in tidy.texts():
        if path.endswith(".py"):
            over |= tidy.lengths(path, text)
    assert tidy.ratchet(over, allowed) == []


@pytest.mark.parametrize("rule", TEXT_RULES)
def test_every_text_keeps(rule: Rule, texts: dict[str, str]) -> None:
    assert [finding for path, text in texts.items() for finding in rule(path, text)] == []


@pytest.mark.parametrize("rule", CODE_RULES)
def test_all_code_keeps(rule: Rule, texts: dict[str, str]) -> None:
    code = {path: text for path, text in texts.items() if path.endswith(".py")}
    assert [finding for path, text in code.items() for finding in rule(path, text)] == []


def test_lock_files_hold_pins_and_hashes_only(texts: dict[str, str]) -> None:
    locks = {path: text for path, text in texts.items() if path.endswith(".lock")}
    assert locks
    assert [finding for lock in locks.items() for finding in tidy.lock_lines(*lock)] == []


def test_every_folder_says_what_it_is(texts: dict[str, str]) -> None:
    code = {path for path in texts if path.endswith(".py")}
    inits = {path: texts[path] for path in code if path.endswith("__init__.py")}
    assert tidy.undocumented_folders(code, inits) == []


def test_every_relative_link_leads_somewhere(texts: dict[str, str]) -> None:
    pages = {path: text for path, text in texts.items() if path.endswith(".md")}
    assert [finding for page in pages.items() for finding in tidy.broken_links(*page)] == []


def test_a_long_file_is_found() -> None:
    assert tidy.lengths("app/a.py", "x = 1\n" * 550) == {}
    assert tidy.lengths("app/a.py", "x = 1\n" * 551) == {"app/a.py": 551}


def test_a_long_method_is_found_and_its_docstring_does_not_count() -> None:
    docstring = '        """Say.\n' + "        more\n" * 50 + '        """\n'
    fits = "class A:\n    def f(self):\n" + docstring + "        x = 1\n" * 39
    assert tidy.lengths("app/a.py", fits) == {}
    assert tidy.lengths("app/a.py", fits + "        x = 1\n") == {"app/a.py::A.f": 41}


def test_an_allowance_may_only_shrink() -> None:
    assert tidy.ratchet({"a.py": 310}, {"a.py": 310}) == []
    assert tidy.ratchet({"a.py": 310}, {}) == ["a.py: 310 lines; split it"]
    assert tidy.ratchet({"a.py": 311}, {"a.py": 310}) == ["a.py: 311 lines; split it"]
    assert tidy.ratchet({"a.py": 305}, {"a.py": 310}) == [
        "a.py: now 305; lower its allowance of 310"
    ]
    assert tidy.ratchet({}, {"a.py": 310}) == ["a.py: now short enough; lower its allowance of 310"]


@pytest.mark.parametrize("note", ["# TODO later", "FIXME: wrong", "x = 1  # XXX"])
def test_a_leftover_note_is_found(note: str) -> None:
    assert len(tidy.leftovers("app/a.py", f"x = 1\n{note}\n")) == 1


def test_a_machine_path_is_found() -> None:
    assert len(tidy.machine_paths("docs/a.md", "see /work/main/a.txt")) == 1
    assert tidy.machine_paths("docs/a.md", "see tests/work/a.txt and docs.example/work/") == []


@pytest.mark.parametrize("line", ["--index-url https://registry.example", "numpy", "# by a tool"])
def test_a_lock_line_that_is_no_pin_is_found(line: str) -> None:
    assert len(tidy.lock_lines("requirements.lock", f"{line}\n")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "import time\n",
        "from time import monotonic\n",
        "from random import choice\n",
        "import datetime\nx = datetime.datetime.now(tz)\n",
        "from datetime import date\nx = date.today()\n",
        "import numpy as np\nx = np.random.default_rng(1)\n",
        "from uuid import uuid4\n",
        "import os\nx = os.urandom(8)\n",
    ],
)
def test_a_clock_or_chance_is_found_where_a_replay_must_not_differ(code: str) -> None:
    assert len(tidy.clock_or_chance("detectors/a.py", code)) == 1
    assert len(tidy.clock_or_chance("alarms/deep/a.py", code)) == 1
    assert tidy.clock_or_chance("pipeline/a.py", code) == []


def test_event_time_is_no_clock() -> None:
    assert tidy.clock_or_chance("alarms/a.py", "from datetime import time\nx = row.time\n") == []


@pytest.mark.parametrize("code", ["import pickle\n", "from marshal import loads\n"])
def test_an_unsafe_format_is_found(code: str) -> None:
    assert len(tidy.unsafe_imports("sinks/a.py", code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "from aiokafka.coordinator.assignors.sticky import StickyPartitionAssignor\n",
        "x = [assignors.StickyPartitionAssignor]\n",
        "x = StickyPartitionAssignor\n",
    ],
)
def test_the_sticky_assignor_is_found(code: str) -> None:
    assert len(tidy.sticky_assignor("ingest/a.py", code)) == 1


@pytest.mark.parametrize(
    "body", ["async for record in self._consumer: pass", "[r async for r in consumer]"]
)
def test_a_loop_over_a_consumer_is_found(body: str) -> None:
    assert len(tidy.consumer_loops("ingest/a.py", f"async def f():\n    {body}\n")) == 1


def test_other_loops_are_left_alone() -> None:
    code = "async def f():\n    async for x in stream: pass\n    for c in consumers: pass\n"
    assert tidy.consumer_loops("ingest/a.py", code) == []


@pytest.mark.parametrize("text", [None, "", '"""Two.\n\nLines.\n"""\n', "x = 1\n"])
def test_a_folder_that_does_not_say_what_it_is_is_found(text: str | None) -> None:
    inits = {} if text is None else {"sinks/__init__.py": text}
    assert len(tidy.undocumented_folders({"sinks/a.py"}, inits)) == 1
    good = {"sinks/__init__.py": '"""Alarms out."""\n'}
    assert tidy.undocumented_folders({"sinks/a.py"}, good) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    page = (
        "[a](there.md#part) [b](https://example.org) [c](#here)\n```\n[d](x.md)\n```\n[e](gone.md)"
    )
    assert tidy.broken_links("a.md", page, tmp_path) == ["a.md: 'gone.md' leads nowhere"]
