"""What the console asks of a history, beside what its own tests ask."""

import pytest

from sinks.history.console import DAY_MS, RECOUNT_MS, USUAL_DAYS, HistoryReading
from sinks.history.store import Store
from tests.sinks.history.conftest import NewStore
from tests.sinks.history.test_queries import Day
from tests.testkit.desk.topics import written

pytestmark = pytest.mark.slow

MIDNIGHT_MS = 100 * DAY_MS


@pytest.fixture
def store(new_store: NewStore) -> Store:
    return new_store()


def usual(reading: HistoryReading, now_ms: int) -> list[float | None]:
    return [cell.usual_a_day for cell in reading.overview(now_ms, MIDNIGHT_MS).cells]


def test_the_usual_rate_is_counted_again_after_ten_minutes_and_not_for_each_page(
    store: Store,
) -> None:
    first, recent, late = Day(10 * DAY_MS), Day(95 * DAY_MS), Day(96 * DAY_MS)
    for number, day in enumerate((first, recent, late)):
        day.alarm(number)
    written(store, [*first.records, *recent.records])
    reading, once = HistoryReading(store), round(1 / USUAL_DAYS, 3)
    assert usual(reading, MIDNIGHT_MS) == [once]
    written(store, late.records)
    assert usual(reading, MIDNIGHT_MS + RECOUNT_MS - 1) == [once]
    assert usual(reading, MIDNIGHT_MS + RECOUNT_MS) == [round(2 / USUAL_DAYS, 3)]
