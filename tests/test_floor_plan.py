"""The floor plan is kept, and each of its rules finds what it is there to find."""

from collections.abc import Callable, Mapping

import pytest

from tests import floor_plan, tidy

Rule = Callable[[Mapping[str, str]], list[str]]

RULES = [
    floor_plan.wide_folders,
    floor_plan.import_circles,
    floor_plan.large_app,
    floor_plan.private_names,
    floor_plan.unwatched_folders,
    floor_plan.benchmarks_on_tests,
]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return {path: text for path, text in tidy.texts() if path.endswith(".py")}


@pytest.mark.parametrize("rule", RULES)
def test_the_floor_plan_is_kept(rule: Rule, files: dict[str, str]) -> None:
    assert {"app/cli/main.py", "benchmarks/kinds.py", "tests/tidy.py"} <= set(files)
    assert rule(files) == []


@pytest.mark.parametrize(
    ("folder", "most"), [("lab/data", 15), ("tests/laws", 15), ("benchmarks", 20)]
)
def test_a_wide_folder_is_found(folder: str, most: int) -> None:
    fits = {f"{folder}/m{i}.py": "" for i in range(most)} | {f"{folder}/__init__.py": ""}
    assert floor_plan.wide_folders(fits) == []
    found = floor_plan.wide_folders(fits | {f"{folder}/one_more.py": ""})
    assert found == [
        f"{folder}/: expected at most {most} modules, got {most + 1}; make a folder of some"
    ]


@pytest.mark.parametrize(
    "back",
    [
        "from alarms.a import f\n",
        "from alarms import a\n",
        "import alarms.a\n",
        "def f():\n    from alarms.a import g\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from alarms.a import f\n",
    ],
)
def test_a_circle_is_found_even_through_a_third_module_and_for_types_alone(back: str) -> None:
    line = {"alarms/a.py": "import alarms.b\n", "alarms/b.py": "from alarms.c import g\n"}
    assert floor_plan.import_circles(line | {"alarms/c.py": "import alarms.d\n"}) == []
    (found,) = floor_plan.import_circles(line | {"alarms/c.py": back})
    assert {"alarms.a", "alarms.b", "alarms.c"} <= set(found.replace(":", "").split())


def test_a_circle_through_a_folder_is_found() -> None:
    circle = {"sinks/__init__.py": "from sinks.a import f\n", "sinks/a.py": "import sinks\n"}
    assert len(floor_plan.import_circles(circle)) == 1


def test_an_app_that_grows_is_found() -> None:
    assert floor_plan.large_app({"app/a.py": "x = 1\n" * 4_499, "lab/a.py": "x = 1\n" * 9}) == []
    assert len(floor_plan.large_app({"app/a.py": "x = 1\n" * 4_499, "app/b.py": "x = 1\n"})) == 1


@pytest.mark.parametrize("path", ["lab/ear.py", "pipeline/copy_yard/a.py", "app/the_hall.py"])
def test_a_private_name_is_found(path: str) -> None:
    assert len(floor_plan.private_names({path: ""})) == 1
    assert floor_plan.private_names({"lab/hear.py": "", "lab/year.py": ""}) == []


def test_a_folder_outside_the_contracts_is_found() -> None:
    seen = {"conftest.py": "", "docs/reference.py": "", "tests/a.py": "", "alarms/a.py": ""}
    assert floor_plan.unwatched_folders(seen) == []
    assert floor_plan.unwatched_folders({**seen, "extras/deep/a.py": ""}) == [
        "extras/: outside the import contracts; add it to `root_packages` in pyproject.toml"
    ]


@pytest.mark.parametrize(
    "line",
    ["import tests.laws.path\n", "from tests.laws import path\n", "from tests import laws\n"],
)
def test_a_benchmark_that_imports_a_test_is_found(line: str) -> None:
    assert floor_plan.benchmarks_on_tests({"benchmarks/deep/a.py": line})
    kit = "from tests.testkit import city\nfrom tests.testkit.kafka.broker import Cluster\n"
    assert floor_plan.benchmarks_on_tests({"benchmarks/a.py": kit, "lab/a.py": line}) == []
