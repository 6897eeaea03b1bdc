"""What Prometheus reads: the names, labels and numbers that dashboards rely on."""

import math
import re
import time
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from prometheus_client import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from contracts.batch import Disposition
from contracts.ports.status import (
    AWAY_S_MAX,
    ErrorCause,
    LaneStatus,
    ProcessStatus,
    QueueStatus,
    ReloadStatus,
)
from sinks.http.lane_groups import Series, series_of
from sinks.http.metrics import PHASES, MetricsCollector, registry
from tests.sinks.http.wound import WoundStatus, busy

# Family, kind and labels; dashboards and rules rely on these names.
FAMILIES = {
    "tocsin_build_info": ("gauge", {"version"}),
    "tocsin_ready": ("gauge", set()),
    "tocsin_lanes": ("gauge", set()),
    "tocsin_loop_lag_seconds": ("gauge", set()),
    "tocsin_client_rebuilds": ("counter", set()),
    "tocsin_fetch_path": ("gauge", {"path"}),
    "tocsin_queue_depth": ("gauge", {"queue"}),
    "tocsin_queue_limit": ("gauge", {"queue"}),
    "tocsin_queue_waiters": ("gauge", {"queue"}),
    "tocsin_readings_received": ("counter", {"lane"}),
    "tocsin_readings": ("counter", {"lane", "destiny"}),
    "tocsin_lane_phase": ("gauge", {"lane", "phase"}),
    "tocsin_lane_position": ("gauge", {"lane"}),
    "tocsin_lane_lag_records": ("gauge", {"lane"}),
    "tocsin_lane_lag_seconds": ("gauge", {"lane"}),
    "tocsin_lane_last_record_timestamp_seconds": ("gauge", {"lane"}),
    "tocsin_lane_last_flush_timestamp_seconds": ("gauge", {"lane"}),
    "tocsin_lane_config_info": ("gauge", {"lane", "config"}),
    "tocsin_lane_answer_age_seconds": ("gauge", {"lane"}),
    "tocsin_commands_hidden_seconds": ("gauge", {"lifeline"}),
    "tocsin_lane_errors": ("counter", {"cause"}),
    "tocsin_lane_hidden_seconds": ("gauge", {"lane"}),
    "tocsin_lane_time_seconds": ("gauge", {"lane"}),
    "tocsin_outputs": ("counter", {"lane", "kind"}),
    "tocsin_flushes": ("counter", {"lane"}),
    "tocsin_flush_seconds": ("counter", {"lane"}),
    "tocsin_score_seconds": ("counter", {"lane"}),
    "tocsin_snapshots": ("counter", {"lane"}),
    "tocsin_recoveries": ("counter", {"lane"}),
    "tocsin_damaged_snapshots": ("counter", {"lane"}),
    "tocsin_recoveries_in_vain": ("gauge", {"lane"}),
    "tocsin_records_set_aside": ("counter", {"lane"}),
    "tocsin_snapshot_hold_seconds": ("gauge", {"lane"}),
    "tocsin_snapshot_timestamp_seconds": ("gauge", {"lane"}),
    "tocsin_snapshot_duration_seconds": ("gauge", {"lane"}),
    "tocsin_snapshot_bytes": ("gauge", {"lane"}),
    "tocsin_sample_to_alarm_seconds": ("histogram", {"lifeline", "le"}),
    "tocsin_alarms_open": ("gauge", {"lane", "colour"}),
    "tocsin_config_reloads": ("counter", {"outcome"}),
    "tocsin_config_last_reload_successful": ("gauge", set()),
    "tocsin_channels_shelved": ("gauge", {"lane"}),
    "tocsin_shadows_shed": ("counter", {"lane"}),
    "tocsin_canaries_missed": ("gauge", {"lifeline"}),
    "tocsin_snapshots_in_vain": ("gauge", {"lifeline"}),
    "tocsin_canaries_judged": ("counter", {"lifeline"}),
    "tocsin_canaries_told": ("counter", {"lifeline"}),
    "tocsin_messages_undecodable": ("counter", {"lifeline", "reason"}),
    "tocsin_kind_seconds": ("counter", {"lifeline", "kind"}),
    "tocsin_channels": ("gauge", {"lifeline", "hearing"}),
    "tocsin_district_channels": ("gauge", {"district", "hearing"}),
    "tocsin_channels_relearning": ("counter", {"lane", "rule"}),
    "tocsin_shadow_findings": ("gauge", {"lane", "config", "rang"}),
    "tocsin_shadow_alarms_per_day": ("gauge", {"lane", "config", "rang"}),
    "tocsin_shadow_lead_seconds": ("histogram", {"lane", "config", "le"}),
}
UNKNOWN: dict[str, Any] = {"relearning": {}, "hearing": {}, "kind_seconds": {}, "undecodable": {}}
RELOADS = ReloadStatus(3, 2, 1, 0, good=False)
PROCESS = ProcessStatus(0.25, 3, "plain", (QueueStatus("fetched", 2, 4, 1),), RELOADS)
NOT_BASE_UNITS = re.compile(r"_(ms|millis|micro|nano|minutes|hours|kb|mb|percent)")


def scrape(status: WoundStatus, by: Series = "lane") -> dict[str, Metric]:
    collector_of = partial(MetricsCollector, series=by)
    text = generate_latest(registry(status, "1.2.3", collector_of)).decode()
    return {family.name: family for family in parse(text)}


def samples(status: WoundStatus, by: Series = "lane") -> dict[tuple[str, ...], float]:
    """Value by sample name and label values, in the order of the labels' names."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in scrape(status, by).values()
        for sample in family.samples
    }


def test_the_families_are_exactly_the_promised_ones() -> None:
    found = scrape(WoundStatus([busy()], heart=PROCESS))
    ours = {name: family for name, family in found.items() if not name.startswith("process_")}
    assert set(ours) == set(FAMILIES)
    for name, (kind, labels) in FAMILIES.items():
        assert ours[name].type == kind
        assert {key for sample in ours[name].samples for key in sample.labels} == labels
        assert not NOT_BASE_UNITS.search(name)
        assert ours[name].documentation


def test_errors_of_all_lanes_are_told_by_cause() -> None:
    found = samples(WoundStatus([busy(), busy("gas-0")]))
    errors = [found["tocsin_lane_errors_total", cause] for cause in get_args(ErrorCause)]
    assert errors == [42, 0, 44, 0, 0]


def test_every_number_comes_through() -> None:
    found = samples(WoundStatus([busy()]))
    assert found["tocsin_build_info", "1.2.3"] == 1
    assert found["tocsin_lanes",] == 1
    assert found["tocsin_ready",] == 1
    for disposition in Disposition:
        assert found["tocsin_readings_total", disposition.word, "water-3"] == 100 + disposition
    assert found["tocsin_lane_position", "water-3"] == 40
    assert found["tocsin_lane_lag_records", "water-3"] == 7
    assert found["tocsin_lane_time_seconds", "water-3"] == 1_700_000_000
    assert found["tocsin_outputs_total", "alarm", "water-3"] == 5
    assert found["tocsin_outputs_total", "dead_letter", "water-3"] == 6
    assert found["tocsin_outputs_total", "shelving", "water-3"] == 18
    assert found["tocsin_channels_shelved", "water-3"] == 19
    assert found["tocsin_flushes_total", "water-3"] == 8
    assert found["tocsin_flush_seconds_total", "water-3"] == 0.25
    assert found["tocsin_score_seconds_total", "water-3"] == 1.5
    assert found["tocsin_snapshots_total", "water-3"] == 9
    assert found["tocsin_recoveries_total", "water-3"] == 1
    assert found["tocsin_recoveries_in_vain", "water-3"] == 18
    assert found["tocsin_records_set_aside_total", "water-3"] == 19
    assert found["tocsin_alarms_open", "red", "water-3"] == 4
    assert found["tocsin_outputs_total", "shadow", "water-3"] == 11
    assert found["tocsin_shadows_shed_total", "water-3"] == 2
    assert found["tocsin_channels_relearning_total", "water-3", "seasonal"] == 17
    assert found["tocsin_lane_config_info", "0123456789abcdef", "water-3"] == 1
    assert found["tocsin_lane_last_record_timestamp_seconds", "water-3"] == 1_700_000_001.5
    assert found["tocsin_lane_last_flush_timestamp_seconds", "water-3"] == 1_700_000_002.5
    assert found["tocsin_snapshot_timestamp_seconds", "water-3"] == 1_700_000_003.5
    assert found["tocsin_snapshot_duration_seconds", "water-3"] == 0.75
    assert found["tocsin_snapshot_bytes", "water-3"] == 20


def test_of_what_is_missed_and_fails_the_worst_lane_of_a_lifeline_is_told() -> None:
    lanes = [
        replace(busy(f"water-{i}"), canaries_missed=count, snapshots_in_vain=2 * count)
        for i, count in enumerate((0, 3, 1))
    ]
    found = samples(WoundStatus([*lanes, busy("power-0")]))
    assert found["tocsin_canaries_missed", "water"] == 3
    assert found["tocsin_canaries_missed", "power"] == 0
    assert found["tocsin_snapshots_in_vain", "water"] == 6
    assert found["tocsin_snapshots_in_vain", "power"] == 0


def test_canaries_are_counted_by_lifeline_and_what_cannot_be_decoded_by_reason() -> None:
    lanes = [busy("water-0"), busy("water-1"), busy("power-0")]
    canaries = lanes[0].canaries = lanes[1].canaries  # all lanes of a lifeline share one
    found = samples(WoundStatus(lanes))
    assert found["tocsin_canaries_judged_total", "water"] == canaries.judged == 22
    assert found["tocsin_canaries_told_total", "water"] == canaries.told == 20
    assert found["tocsin_messages_undecodable_total", "water", "bad_json"] == 46
    assert found["tocsin_messages_undecodable_total", "power", "bad_json"] == 23


def test_channels_are_told_by_lifeline_and_by_district_and_costs_by_kind() -> None:
    found = samples(WoundStatus([busy("water-0"), busy("water-1"), busy("power-0")]))
    ways = ("heard", "silent", "blind")
    assert [found["tocsin_channels", way, "water"] for way in ways] == [220, 14, 6]
    assert [found["tocsin_district_channels", "pudong", way] for way in ways] == [270, 21, 9]
    elsewhere = replace(busy("gas-0"), hearing={"": (5, 0, 0)})
    assert samples(WoundStatus([elsewhere]))["tocsin_district_channels", "none", "heard"] == 5
    assert found["tocsin_kind_seconds_total", "trend", "water"] == 0.5
    assert found["tocsin_kind_seconds_total", "fused", "power"] == 1.25


def test_lanes_of_a_lifeline_are_told_as_one_where_they_are_many() -> None:
    behind = replace(
        busy("water-1"), phase="failed", taken_ms=1_700_000_009_000, answered_at_s=None, in_vain=2
    )
    answered = replace(busy("water-0"), answered_at_s=time.monotonic() - AWAY_S_MAX / 2)
    found = samples(WoundStatus([answered, behind, busy("power-0")]), "lifeline")
    assert found["tocsin_lane_phase", "water", "failed"] == 1
    assert found["tocsin_lane_phase", "water", "running"] == 1
    assert found["tocsin_lane_position", "water"] == 80
    assert found["tocsin_recoveries_in_vain", "water"] == 18
    assert found["tocsin_lane_last_record_timestamp_seconds", "water"] == 1_700_000_009
    assert AWAY_S_MAX / 2 <= found["tocsin_lane_answer_age_seconds", "water"] < math.inf
    assert found["tocsin_readings_received_total", "water"] == 2 * sum(
        100 + disposition for disposition in Disposition
    )
    assert found["tocsin_channels_relearning_total", "water", "seasonal"] == 34
    assert found["tocsin_shadow_findings", "c0ffee", "water", "both"] == 24
    assert found["tocsin_lane_config_info", "0123456789abcdef", "water"] == 1
    assert found["tocsin_lane_position", "power"] == 40
    assert not [key for key in found if "water-0" in key]


def test_reloads_are_counted_by_what_came_of_them() -> None:
    found = samples(WoundStatus([busy()], heart=PROCESS))
    assert found["tocsin_config_reloads_total", "refused"] == 1
    assert found["tocsin_config_last_reload_successful",] == 0


def test_a_shadow_is_told_while_one_plays_along() -> None:
    found = samples(WoundStatus([busy()]))
    assert found["tocsin_shadow_findings", "c0ffee", "water-3", "only_live"] == 13
    assert found["tocsin_shadow_alarms_per_day", "c0ffee", "water-3", "shadow"] == 2.5
    at_most = {
        key[3]: value for key, value in found.items() if key[0].endswith("lead_seconds_bucket")
    }
    assert (at_most["-10.0"], at_most["0.0"], at_most["600.0"], at_most["+Inf"]) == (0, 4, 11, 12)
    quiet = samples(WoundStatus([LaneStatus("water-3")]))
    assert not [key for key in quiet if key[0].startswith("tocsin_shadow_")]


def test_latencies_are_one_histogram_a_lifeline_however_many_lanes_share_it() -> None:
    lanes = [busy("water-3"), busy("power-grid-0")]
    lanes.append(replace(lanes[0], name="water-4"))
    found = samples(WoundStatus(lanes))
    name = "tocsin_sample_to_alarm_seconds"
    at_most = [found[f"{name}_bucket", le, "water"] for le in ("0.1", "0.5", "1.0", "+Inf")]
    assert at_most == [21, 23, 23, 24]
    assert found[f"{name}_count", "water"] == found[f"{name}_count", "power-grid"] == 24
    assert found[f"{name}_sum", "water"] == 99.5


def test_the_pulse_of_the_process_comes_through() -> None:
    found = samples(WoundStatus(heart=PROCESS))
    assert found["tocsin_queue_depth", "fetched"] == 2
    assert found["tocsin_queue_limit", "fetched"] == 4
    assert found["tocsin_queue_waiters", "fetched"] == 1
    assert found["tocsin_fetch_path", "plain"] == 1
    assert ("tocsin_fetch_path", "raw") not in found
    assert found["tocsin_loop_lag_seconds",] == 0.25
    assert found["tocsin_client_rebuilds_total",] == 3


def test_the_accounts_balance_in_prometheus_too() -> None:
    found = samples(WoundStatus([busy()]))
    dispositions = sum(value for key, value in found.items() if key[0] == "tocsin_readings_total")
    assert dispositions == found["tocsin_readings_received_total", "water-3"] > 0


def test_lag_is_not_called_zero_while_no_broker_says_the_end() -> None:
    now_s = time.monotonic()
    lane = replace(busy(), answered_at_s=now_s - 2 * AWAY_S_MAX)
    found = samples(WoundStatus([lane]))
    assert math.isnan(found["tocsin_lane_lag_records", "water-3"])
    assert found["tocsin_lane_answer_age_seconds", "water-3"] >= 2 * AWAY_S_MAX
    found = samples(WoundStatus([replace(busy(), answered_at_s=now_s, hidden_at_s=now_s - 5)]))
    assert found["tocsin_lane_lag_records", "water-3"] == 7
    assert found["tocsin_lane_hidden_seconds", "water-3"] >= 5


def test_exactly_one_phase_of_a_lane_is_one() -> None:
    lanes = [LaneStatus(f"water-{i}", phase=phase) for i, phase in enumerate(PHASES)]  # type: ignore[arg-type]
    found = samples(WoundStatus(lanes))
    for i, phase in enumerate(PHASES):
        held = {p for p in PHASES if found["tocsin_lane_phase", f"water-{i}", p]}
        assert held == {phase}


def test_a_lane_that_has_just_been_taken_has_all_its_series_at_zero_or_unknown() -> None:
    # A shadow, rules and channels of a configuration are not known before the lane runs.
    full = samples(WoundStatus([replace(busy("water-0"), shadow=None, config="", **UNKNOWN)]))
    fresh = samples(WoundStatus([LaneStatus("water-0")]))
    assert {key for key in full if key[0].startswith("tocsin")} == {
        key for key in fresh if key[0].startswith("tocsin")
    }
    rest = {key: value for key, value in fresh.items() if key[0].startswith("tocsin_")}
    unknown = {key for key, value in rest.items() if math.isnan(value)}
    assert unknown == {
        ("tocsin_lane_lag_records", "water-0"),
        ("tocsin_lane_lag_seconds", "water-0"),
        ("tocsin_lane_answer_age_seconds", "water-0"),
    }
    set_from_the_start = {key for key, value in rest.items() if value} - unknown
    assert set_from_the_start == {
        ("tocsin_build_info", "1.2.3"),
        ("tocsin_lanes",),
        ("tocsin_lane_phase", "water-0", "recovering"),
    }


def test_help_says_which_counters_outlive_a_restart() -> None:
    found = scrape(WoundStatus([busy()]))
    assert "a restart does not reset it" in found["tocsin_readings"].documentation
    assert "since this worker took the lane" in found["tocsin_flushes"].documentation


def test_the_families_are_good_openmetrics() -> None:
    text = generate_openmetrics(registry(WoundStatus([busy()]), "1.2.3")).decode()  # type: ignore[no-untyped-call]
    names = {family.name for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert {"tocsin_build", "tocsin_readings"} < names


def test_two_workers_in_one_process_do_not_meet() -> None:
    one, two = WoundStatus([busy("water-1")]), WoundStatus([busy("drain-1")])
    assert ("tocsin_flushes_total", "drain-1") not in samples(one)
    assert ("tocsin_flushes_total", "drain-1") in samples(two)


def series(lifelines: int, lanes: int) -> int:
    """Series of a city without shadows."""
    names = [f"lifeline-{i}-{j}" for i in range(lifelines) for j in range(lanes)]
    owned = [replace(busy(name), shadow=None) for name in names]
    found = samples(WoundStatus(owned, heart=PROCESS), series_of(len(names)))
    return sum(key[0].startswith("tocsin_") for key in found)


def test_series_grow_with_lanes_alone_and_a_city_of_36_stays_under_2000() -> None:
    assert series(lifelines=12, lanes=3) < 2000
    assert series(lifelines=1, lanes=2) - series(lifelines=1, lanes=1) <= 50
