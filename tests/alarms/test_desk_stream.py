"""The stream of a desk over one loss, to the byte: what changed of its records is seen here."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Close,
    Comment,
    DeskCommand,
    Maintenance,
)
from contracts.desk.incident import Incident
from contracts.ports.lane_log import Message
from runtime.installation import HOME
from tests.alarms.incidents.cities import BEGIN_S, Rings, again, cleared
from tests.alarms.incidents.test_feeder import city
from tests.alarms.test_desk import desk, incidents

GOLDEN = HOME / "tests" / "goldens" / "desk_loss.jsonl"
REPAIRED = "power.f2"
LOST = (
    *(("power.f0", 0, "orange"), ("elevator.lift-0-0", 20, "blue"), ("water.pump-0-0", 25, "red")),
    ("telecom.mast-0-1", 40, "yellow"),
)


def answers(name: str) -> Iterator[DeskCommand]:
    """What people do of an incident until it is closed."""
    number = iter(range(99))

    def by(person: str) -> dict[str, Any]:
        return {"by": person, "role": "duty", "id": f"c-{next(number)}", "target": name}

    yield Acknowledge(**by("li.wei"))
    yield Assign(**by("li.wei"), owner="city-power")
    yield Comment(**by("li.wei"), reason="crew 4 is told")
    for to in ("verified", "dispatched", "on site", "contained", "fed back"):
        yield Advance(**by("wang.fang"), to=to)
    yield Advance(**by("zhao.min"), to="checked")
    yield Close(**by("zhao.min"), verdict="true")


def repair(begins: int) -> Maintenance:
    """A work order from a millisecond on, for an hour."""
    return Maintenance(
        by="li.wei",
        role="duty",
        id="c-repair",
        order="W-7",
        assets=[REPAIRED],
        begins=begins,
        ends=begins + 3_600_000,
    )


def told() -> list[Message]:
    """A feeder trips, a clock runs out, people come, all is over and closed; a repair beside it."""
    ring, stage, found = Rings(), desk(city()), []
    alarms = [ring(asset, at_s, colour=colour) for asset, at_s, colour in LOST]
    for alarm in alarms:
        found += stage.take(alarm)
    found += stage.advance(BEGIN_S + 900, late=True)
    name = incidents(found)[0].id
    *before, checked, closed = answers(name)
    for command in before:
        assert stage.judge(command) is None, command
        found += stage.obey(command)
    for alarm in alarms:
        found += stage.take(again(cleared(alarm), detected=alarm.detected))
    order = repair(1000 * stage.time_s)
    assert stage.judge(order) is None
    found += stage.obey(order)
    found += stage.take(ring(REPAIRED, 1_200, colour="orange"))
    found += stage.advance(BEGIN_S + 7_200)
    for command in (checked, closed):
        assert stage.judge(command) is None, command
        found += stage.obey(command)
    return found


def lines(messages: list[Message]) -> str:
    """A record a line: its kind, key and body; a body of nothing is null."""
    return "".join(
        f'{{"kind":"{one.kind}","key":"{one.key.decode()}","body":{one.body.decode() or "null"}}}\n'
        for one in messages
    )


def test_the_stream_of_a_loss_is_what_it_was(request: pytest.FixtureRequest) -> None:
    text = lines(told())
    if request.config.getoption("--update-goldens"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_stream_has_what_can_happen_to_an_incident() -> None:
    found = told()
    assert {one.kind for one in found} == {"incident", "current", "notice"}
    lost = incidents(found)[0].id
    last: Incident = [one for one in incidents(found) if one.id == lost][-1]
    assert (last.ticket.state, last.ticket.verdict) == ("closed", "true")
    assert len(last.situation.members) == len(LOST)
    notices = [msgspec.json.decode(one.body) for one in found if one.kind == "notice"]
    assert {one["withheld"]["by"] for one in notices if one.get("withheld")} == {"maintenance"}
    assert {"new", "escalated", "over"} <= {one["reason"] for one in notices}
