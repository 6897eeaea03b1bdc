"""What the pipeline tells of itself is in a panel or an alert, or it is said why not."""

import re
from typing import Final

import pytest

from tests.deploy.dashboard_rules import expressions
from tests.deploy.test_dashboards import PAGES, REFERENCE
from tests.deploy.test_rules import rules

PROJECTIONS: Final = "of the history and the ledger, each a process of its own that `up` watches"
RECEIVERS: Final = "alerts tell what waits too long, what failed and who wants no more"
# Metrics that nobody is shown, and why not.
UNSHOWN: Final = {
    "tocsin_build": "looked up, not followed",
    "tocsin_desk_recoveries_total": "those in vain are shown and ring",
    "tocsin_desk_snapshots_total": "those in vain ring",
    "tocsin_desk_time_seconds": "how far it is behind is shown and rings",
    "tocsin_notices_delivered_total": RECEIVERS,
    "tocsin_notices_failed_tries_total": RECEIVERS,
    "tocsin_notices_superseded_total": RECEIVERS,
    "tocsin_notices_waiting": RECEIVERS,
    "tocsin_projection_lag_records": PROJECTIONS,
    "tocsin_projection_lost_offsets_total": PROJECTIONS,
    "tocsin_projection_newest_seconds": PROJECTIONS,
    "tocsin_projection_records_total": PROJECTIONS,
    "tocsin_projection_retries_total": PROJECTIONS,
    "tocsin_projection_unreadable_records_total": PROJECTIONS,
    "tocsin_projection_up": PROJECTIONS,
}
DOCUMENTED: Final = re.findall(r"^\| `(\w+)`", REFERENCE.read_text(), re.MULTILINE)
ASKED: Final = " ".join(
    [expression for page in PAGES.values() for _, expression in expressions(page)]
    + [rule["expr"] for rule in rules()]
)


@pytest.mark.parametrize("metric", DOCUMENTED)
def test_each_metric_is_in_a_panel_or_an_alert_or_it_is_said_why_not(metric: str) -> None:
    asked = re.search(rf"\b{metric}(_bucket|_count|_info)?\b", ASKED) is not None
    assert asked != (metric in UNSHOWN)


def test_nothing_is_excused_that_is_not_there() -> None:
    assert set(UNSHOWN) <= set(DOCUMENTED)
    assert len(DOCUMENTED) > 80


@pytest.mark.parametrize("share", ["open", "shelved", "withheld"])
def test_each_share_of_the_alarms_of_a_lifeline_has_a_panel(share: str) -> None:
    wanted = f'tocsin_desk_lifeline_alarms{{share="{share}"'
    panels = [title for title, asked in expressions(PAGES["tocsin-desks"]) if wanted in asked]
    assert len(panels) == 1
