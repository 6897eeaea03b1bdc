"""What Prometheus sees of the desk stage."""

from typing import Any

from prometheus_client import generate_latest

from contracts.desk.performance import (
    DeskFigures,
    LevelAnswers,
    LifelineAlarms,
    LifelineFunction,
    Performance,
)
from contracts.ports.status import DeskStatus
from sinks.http.desk_metrics import DESKS_MAX, DeskCollector
from sinks.http.metrics import registry
from tests.sinks.http.wound import WoundStatus


def exposed(desks: list[DeskStatus]) -> str:
    return generate_latest(registry(WoundStatus([*desks]), "1.2.3", DeskCollector)).decode()


def test_the_stage_shows_what_is_open_what_waits_and_what_was_told() -> None:
    desk = DeskStatus("desk-0", phase="running", open={"alarms": 7, "incidents": 2})
    desk.waiting, desk.behind_s, desk.commands, desk.refusals, desk.notices = 40, 1.5, 3, 1, 9
    text = exposed([desk])
    for line in (
        "tocsin_desk_alarms_open 7.0",
        "tocsin_desk_incidents_open 2.0",
        "tocsin_desk_lag_records 40.0",
        "tocsin_desk_lag_seconds 1.5",
        "tocsin_desk_commands_total 3.0",
        "tocsin_desk_refusals_total 1.0",
        'tocsin_desk_outputs_total{kind="notice"} 9.0',
        'tocsin_desk_phase{phase="running"} 1.0',
        "tocsin_lanes 1.0",
    ):
        assert f"\n{line}\n" in text


def test_a_process_that_waits_for_the_stage_shows_no_number_of_it() -> None:
    text = exposed([])
    assert "\ntocsin_lanes 0.0\n" in text
    assert "\ntocsin_desk_alarms_open " not in text


def figures(name: str, told: int = 0, **more: Any) -> DeskFigures:
    return DeskFigures(
        **{
            "name": name,
            "told": told,
            "floods": 0,
            "withheld": {},
            "flooded": False,
            "standing": {},
            **more,
        }
    )


def test_each_desk_shows_what_it_was_told_and_how_its_alarms_stand() -> None:
    street = figures(
        "street", 12, floods=1, withheld={"budget": 3}, flooded=True, standing={"stale": 2}
    )
    answers = LevelAnswers("street", 4, (1, 0, 1, 0, 1, 0), 4.0)
    desk = DeskStatus("desk-0", performance=Performance((figures("city", 1), street), (answers,)))
    text = exposed([desk])
    ratio = "tocsin_desk_acknowledgement_clock_ratio"
    for line in (
        'tocsin_desk_notices_told_total{desk="city"} 1.0',
        'tocsin_desk_notices_told_total{desk="street"} 12.0',
        'tocsin_desk_notices_withheld_total{desk="street",reason="budget"} 3.0',
        'tocsin_desk_floods_total{desk="street"} 1.0',
        'tocsin_desk_flooded{desk="street"} 1.0',
        'tocsin_desk_flooded{desk="city"} 0.0',
        'tocsin_desk_standing_alarms{condition="stale",desk="street"} 2.0',
        'tocsin_desk_standing_alarms{condition="out of service",desk="street"} 0.0',
        'tocsin_desk_calls_total{level="street"} 4.0',
        f'{ratio}_bucket{{le="0.25",level="street"}} 1.0',
        f'{ratio}_bucket{{le="1.0",level="street"}} 2.0',
        f'{ratio}_bucket{{le="+Inf",level="street"}} 3.0',
        f'{ratio}_sum{{level="street"}} 4.0',
    ):
        assert f"\n{line}\n" in text


def test_lifelines_show_what_rings_what_is_shelved_and_what_no_desk_was_told() -> None:
    water = LifelineAlarms("water", {("red", "open"): 3, ("red", "withheld"): 2})
    quiet = LifelineAlarms("gas", {})
    desk = DeskStatus("desk-0", performance=Performance(lifelines=(quiet, water)))
    text = exposed([desk])
    for line in (
        'tocsin_desk_lifeline_alarms{colour="red",lifeline="water",share="open"} 3.0',
        'tocsin_desk_lifeline_alarms{colour="red",lifeline="water",share="withheld"} 2.0',
        'tocsin_desk_lifeline_alarms{colour="red",lifeline="water",share="shelved"} 0.0',
        'tocsin_desk_lifeline_alarms{colour="blue",lifeline="gas",share="open"} 0.0',
    ):
        assert f"\n{line}\n" in text
    assert text.count("\ntocsin_desk_lifeline_alarms{") == 2 * 4 * 3


def test_lifelines_show_which_share_of_them_works_and_what_is_blind() -> None:
    water = LifelineFunction("water", 0.5, 0.75)
    text = exposed([DeskStatus("desk-0", performance=Performance(functions=(water,)))])
    for bound, share in (("worst", 0.5), ("best", 0.75)):
        line = f'tocsin_lifeline_functionality_ratio{{bound="{bound}",lifeline="water"}} {share}'
        assert f"\n{line}\n" in text


def test_desks_beyond_a_bound_are_one_so_that_series_stay_few() -> None:
    many = [figures(f"n-{i:05d}", 1, withheld={"budget": 1}) for i in range(DESKS_MAX + 40)]
    before = exposed([DeskStatus("desk-0", performance=Performance(tuple(many[:-39])))])
    text = exposed([DeskStatus("desk-0", performance=Performance(tuple(many)))])
    assert '\ntocsin_desk_notices_told_total{desk="others"} 40.0\n' in text
    assert '\ntocsin_desk_notices_withheld_total{desk="others",reason="budget"} 40.0\n' in text
    assert f'desk="{many[DESKS_MAX - 1].name}"' in text
    assert f'desk="{many[DESKS_MAX].name}"' not in text
    assert text.count("\n") == before.count("\n")
