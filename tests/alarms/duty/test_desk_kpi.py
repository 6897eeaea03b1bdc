"""The measures of one desk, by figures that were computed by hand."""

from typing import Any

from alarms.duty.desk_kpi import DeskTold, answered, desk_kpi
from alarms.duty.kpi import DAY_S, Period, Response
from contracts.alarm import decode_alarm
from contracts.desk.answer import Answer, CurrentAlarm
from tests.alarms.duty.city import at
from tests.testkit.desk.alarms import alarm
from tests.testkit.desk.told import LOSS, incident, notice, ticket

DESK = "power-310101"
BEGINS = at("2026-03-04T14:00")
HOUR = Period(BEGINS, BEGINS + 3_600)
NOBODY = dict.fromkeys(
    ("acknowledged", "confirmed", "latched", "shelved", "suppressed", "out_of_service"), False
)


def current(onset: str, *, active: bool = True, **answer: Any) -> CurrentAlarm:
    """An open alarm of the incident that its desk was told of."""
    fields = {**NOBODY, "active": active, "state": "unacknowledged", **answer}
    told = decode_alarm(alarm(1, onset=onset))
    return CurrentAlarm(told, Answer(**fields), LOSS)


def called(number: int, minute: str, by: str) -> Any:
    told = f"2026-03-04T{minute}:00+08:00"
    return notice(number, at=told, acknowledge_by=f"2026-03-04T{by}:00+08:00")


def history(*steps: tuple[str, str]) -> dict[str, Any]:
    told = [{"at": f"2026-03-04T{at}:00+08:00", "what": what, "by": "Li"} for at, what in steps]
    return ticket(history=told)


def test_a_desk_that_is_called_twice_and_answers_the_second_call_late() -> None:
    """Called at 14:00 and 14:20, by 14:05 and 14:25; answered at 14:04 and 14:30."""
    steps = history(("14:04", "acknowledged"), ("14:10", "on site"), ("14:30", "assigned to Wang"))
    notices = [called(1, "14:00", "14:05"), called(2, "14:20", "14:25"), notice(3, desk="city")]
    told = DeskTold(notices, [incident(1), incident(2, ticket=steps)], [])
    found = desk_kpi(told, DESK, HOUR)
    assert (found.rates.notices, found.rates.peak) == (2, 1)
    assert found.rates.mean == 2 / 6
    assert found.rates.indicative
    assert found.responses == {"district": Response(2, 2, 1, 420, 600)}


def test_a_line_is_answered_on_the_record_of_its_alarm() -> None:
    seen = current("2026-03-04T13:59:00+08:00", acknowledged=True, at="2026-03-04T14:03:00+08:00")
    unseen = current("2026-03-04T13:59:00+08:00")
    assert answered(DeskTold([], [], [seen, unseen])) == {LOSS: [BEGINS + 180]}


def test_what_chatters_or_is_over_at_once_is_counted_by_alarm_and_only_for_its_desk() -> None:
    held = [
        notice(1, withheld={"by": "chattering"}),
        notice(2, withheld={"by": "chattering"}),
        notice(3, alarm="a-0000000000000009", withheld={"by": "fleeting"}),
        notice(4, desk="city", withheld={"by": "fleeting"}),
        notice(5, withheld={"by": "budget"}),
        notice(6, at="2026-03-04T15:00:00+08:00", withheld={"by": "budget"}),
    ]
    found = desk_kpi(DeskTold(held, [], []), DESK, HOUR)
    assert found.chattering == ["a-0000000000000001"]
    assert found.fleeting == ["a-0000000000000009"]
    assert found.rates.withheld == {"budget": 1, "chattering": 2, "fleeting": 1}
    assert found.rates.notices == 0


def test_an_alarm_is_stale_after_a_day_for_the_desks_that_were_told_of_it() -> None:
    old = current("2026-03-03T14:59:00+08:00")
    over = current("2026-03-03T14:59:00+08:00", active=False)
    young = current("2026-03-03T15:01:00+08:00")
    told = DeskTold([notice(1)], [], [old, over, young])
    assert desk_kpi(told, DESK, HOUR).stale == [old.alarm.id]
    assert desk_kpi(told, "city", HOUR).stale == []
    assert not desk_kpi(told, DESK, Period(BEGINS - 30 * DAY_S, BEGINS)).rates.indicative
