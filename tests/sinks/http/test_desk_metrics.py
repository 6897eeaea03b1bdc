"""What Prometheus sees of the desk stage."""

from prometheus_client import generate_latest

from contracts.ports.status import DeskStatus
from sinks.http.desk_metrics import DeskCollector
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
