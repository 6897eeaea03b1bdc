"""Every benchmark can start: what it imports is there, and so are the files that it names."""

from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import quality
from benchmarks.city_load import city
from benchmarks.quality_data import battledim
from benchmarks.support import compare, peers, reference
from runtime.installation import HOME

FOLDER = HOME / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
OPERATIONS = sorted(path.stem for path in (FOLDER / "operations").glob("[a-z]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_finds_what_it_imports(script: str) -> None:
    assert callable(import_module(f"benchmarks.{script}").main)


@pytest.mark.slow
@pytest.mark.parametrize("script", OPERATIONS)
def test_every_script_of_operations_finds_what_it_imports(script: str) -> None:
    assert import_module(f"benchmarks.operations.{script}").__doc__


@pytest.mark.parametrize("part", quality.PARTS)
def test_every_part_of_the_quality_benchmark_measures(part: str) -> None:
    assert callable(import_module(f"benchmarks.quality_data.{part}").measure)


def test_no_part_of_the_quality_benchmark_is_left_out() -> None:
    found = (FOLDER / "quality_data").glob("*.py")
    assert {path.stem for path in found if "\ndef measure(" in path.read_text()} == set(
        quality.PARTS
    )


@pytest.mark.parametrize(
    "path",
    [
        city.TABLE,
        battledim.PACK / "tocsin.yaml",
        compare.BASELINE,
        reference.SOURCE,
        *(peers.JOBS / job for job in ("rule.py", "bytewax_job.py", "streams/pom.xml")),
        FOLDER / "city_load" / "concentrators.py",
    ],
)
def test_every_file_beside_a_benchmark_is_where_it_is_looked_for(path: Path) -> None:
    assert path.is_file()


def test_every_script_is_claimed_in_the_readme_and_no_other() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [script for script in SCRIPTS if f"`{script}.py" not in text] == ["backtest", "kinds"]
