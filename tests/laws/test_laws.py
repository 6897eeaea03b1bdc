"""Every law over every way of running a lane, and over whatever else may come."""

import os
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.records import Records
from tests.laws import LAWS
from tests.laws.journals import journals
from tests.laws.outcome import run
from tests.laws.path import KINDS, NAMES, path
from tests.testkit.streams import Stream, chatty, days, troubled
from tests.tidy import ROOT

pytestmark = pytest.mark.slow

# Laws for any day: a long one is Bounds', and a drawn one need not have what cannot be scored.
ANY_DAY = ("Cut", "Restore", "Identity")

SLOW = pytest.mark.slow
LONG = ("Restore", "Bounds")  # these two run a lane many times, or for a long day
QUICK = [law for law in LAWS if law not in LONG]


@cache
def records_for(law: str) -> Records:
    """A day with every trouble in it; Bounds needs a longer one."""
    return chatty() if law == "Bounds" else troubled()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("law", [*QUICK, *(pytest.param(law, marks=SLOW) for law in LONG)])
def test_the_law_holds(law: str, name: str) -> None:
    way = path(name)
    LAWS[law](way, way.over(records_for(law)))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("law", QUICK)
def test_the_law_holds_for_a_kind(law: str, name: str) -> None:
    way = path(name)
    LAWS[law](way, way.over(records_for(law)))


@pytest.mark.parametrize("law", ANY_DAY)
@settings(max_examples=6, deadline=None)
@given(records=days())
def test_the_law_holds_on_any_day(law: str, records: Records) -> None:
    LAWS[law](path("everything"), Stream(records))


@pytest.mark.parametrize("law", ANY_DAY)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_law_holds_under_any_journal(law: str, data: st.DataObject) -> None:
    way = path("anything")
    records = data.draw(days(10))
    LAWS[law](way, Stream(records, data.draw(journals(way, records))))


@pytest.mark.long
def test_every_run_is_the_same_whatever_the_order_of_sets() -> None:
    code = "from tests.laws.test_laws import digests; print(digests())"
    told = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        told.add(done.stdout)
    assert told == {f"{digests()}\n"}


def digests() -> dict[str, str]:
    """Rolling hash over all outputs of every path."""
    return {name: run(path(name), path(name).over(troubled())).mark.digest for name in NAMES}
