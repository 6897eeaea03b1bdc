"""Journals of any kind over some records: ticks, shelvings, swaps, refusals."""

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
    return st.one_of(
        st.integers(-60, 90).map(lambda ahead: Tick(stamp_s + ahead)),
        seconds.map(Outage),
        st.integers(-86_410, -86_390).map(lambda ahead: StampLimit(stamp_s + ahead)),
        st.builds(lambda channel, s: Shelve(channel, *WHY, s), channels, seconds),
        channels.map(lambda channel: Unshelve(channel, *WHY)),
        channels.map(lambda channel: Accept(channel, *WHY)),
        st.sampled_from(hashes).map(Swap),
        st.sampled_from(hashes).map(Swap),
        st.just(Refuse("bad_command", "expected a command", "{}")),
    )


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
