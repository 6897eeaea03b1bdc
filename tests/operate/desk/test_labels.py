"""Verdicts of people come back as labels that backtest, compare and tune read."""

from pathlib import Path

from alarms.duty.kpi import Period
from contracts.desk.incident import Incident
from lab.data.labels import read_labels
from operate.desk.labels import as_yaml, labels_of
from tests.alarms.duty.city import at
from tests.testkit.desk.told import incident, situation, ticket

BEGINS = at("2026-03-04T12:00")
SHIFT = Period(BEGINS, BEGINS + 12 * 3_600)
OVER, CLOSED = "2026-03-04T15:10:00+08:00", "2026-03-06T09:00:00+08:00"


def told(name: str, verdict: str, *, drill: bool = False) -> list[Incident]:
    """An incident from its first revision until somebody closes it two days later."""
    over = situation(id=name, state="over", colour="clear")
    closed = ticket(state="closed", verdict=verdict)
    return [
        incident(1, situation=situation(id=name), drill=drill),
        incident(2, situation=over, at=OVER, drill=drill),
        incident(3, situation=over, at=CLOSED, ticket=closed, drill=drill),
    ]


def test_only_what_was_judged_true_or_false_is_a_label(tmp_path: Path) -> None:
    revisions = [
        *told("i-1", "true"),
        *told("i-2", "false"),
        *told("i-3", "maintenance"),
        *told("i-4", ""),
        *told("i-5", "true", drill=True),
    ]
    path = tmp_path / "known.yaml"
    path.write_text(as_yaml(labels_of(revisions, SHIFT)))
    event, nuisance = read_labels(path)
    assert (event.verdict, nuisance.verdict) == ("event", "nuisance")
    assert event.channel == "elevator.lift-06.car_state power.feeder-01.switch"
    assert (event.begin, event.end) == ("2026-03-04T14:00:04+08:00", OVER)
    assert (event.colour, nuisance.colour) == ("red", "")
    assert event.name == "Feeder 01: 2 alarms in 2 lifelines (i-1)"


def test_what_began_in_another_time_is_left_out() -> None:
    before = Period(SHIFT.begins_s - 86_400, SHIFT.begins_s)
    assert labels_of(told("i-1", "true"), before) == []
    assert as_yaml([]) == "events: []\n"


def test_an_incident_that_goes_on_ends_with_what_was_told_last() -> None:
    first, over, closed = told("i-1", "true")
    again = incident(3, situation=situation(id="i-1"), at="2026-03-04T16:00:00+08:00")
    (label,) = labels_of([first, over, again, closed], SHIFT)
    assert label.end == CLOSED
