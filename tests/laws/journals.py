"""Journals of any kind over some records: ticks, shelvings, swaps, refusals."""

from typing import Any

from hypothesis import strategies as st

from contracts.journal import (
    Accept,
    Change,
    Entry,
    Outage,
    Refuse,
    Shelve,
    StampLimit,
    Swap,
    Tick,
    Unshelve,
)
from contracts.records import Records
from tests.laws.path import Path, numbered
from tests.testkit.streams import CHANNELS

WHY = ("tester", "drill")


def _changes(path: Path, stamp_s: int) -> st.SearchStrategy[Change]:
    channels = st.sampled_from((*CHANNELS, "water.tank-3.aaa"))
    hashes = [plan.configuration.hash for plan in path.plans]
    seconds = st.sampled_from([1, 10, 30, 100])
    said = st.one_of(st.just({}), st.integers(0, 10**9).map(lambda n: _dated(n, stamp_s)))
    return st.one_of(
        st.integers(-60, 90).map(lambda ahead: Tick(stamp_s + ahead)),
        seconds.map(Outage),
        st.integers(-86_410, -86_390).map(lambda ahead: StampLimit(stamp_s + ahead)),
        st.builds(lambda c, s, more: Shelve(c, *WHY, s, **more), channels, seconds, said),
        st.builds(lambda c, more: Unshelve(c, *WHY, **more), channels, said),
        st.builds(lambda c, more: Accept(c, *WHY, **more), channels, said),
        st.sampled_from(hashes).map(Swap),
        st.sampled_from(hashes).map(Swap),
        st.just(Refuse("bad_command", "expected a command", "{}")),
    )


def _dated(number: int, stamp_s: int) -> dict[str, Any]:
    """What commands say of themselves since they have ids; those of earlier journals do not."""
    at_ms = 1000 * stamp_s
    return {"id": f"c-{number}", "at": at_ms, "expires": at_ms + number % 100_000 + 1}


@st.composite
def journals(draw: st.DrawFn, path: Path, records: Records) -> tuple[tuple[int, Entry], ...]:
    """Entries in order, several of them at one place sometimes, some of them behind the end."""
    n = len(records)
    places = draw(st.lists(st.integers(0, n), max_size=14))
    stamps = [int(records.timestamp_ms[: place + 1].max()) // 1000 for place in places]
    found = [
        (place, draw(_changes(path, stamp))) for place, stamp in zip(places, stamps, strict=True)
    ]
    return numbered(records, sorted(found, key=lambda change: change[0]))
