"""Disasters of lifelines.md section 20: one incident, the right root, in time."""

import pytest

from runtime.installation import HOME
from tests.alarms.incidents.acceptance import ALL, CASES, Case, play, table, time_of

pytestmark = pytest.mark.slow

BY_NAME = {case.name.split()[0]: case for case in CASES}
PAGE = HOME / "docs" / "acceptance.md"


@pytest.mark.parametrize("case", CASES, ids=BY_NAME)
def test_the_root_is_named_and_the_colour_is_there_in_time(case: Case) -> None:
    outcome = play(case)
    root = outcome.situations[-1].root
    assert root is not None
    assert f"{root.lifeline}.{root.asset}" == case.root
    assert outcome.lead_s(case) >= 60 * case.foreseen[2]


@pytest.mark.parametrize("name", ["A5", "A6", "A7", "A8", "A10", "A11"])
def test_what_follows_from_one_cause_is_one_incident(name: str) -> None:
    assert len(play(BY_NAME[name]).situations) == 1


@pytest.mark.parametrize(
    ("name", "colour", "by"),
    [
        ("A5", "orange", "21:15"),  # an hour before the densities of 22:15
        ("A6", "orange", "22:30"),
        ("A6", "red", "23:25"),
        ("A7", "yellow", "16:52:35"),  # within two seconds of 49.5 Hz
        ("A8", "red", "19:40"),
        ("A10", "orange", "21:50"),
        ("A12", "red", "17:30"),
    ],
)
def test_each_colour_is_there_by_the_time_that_the_case_names(
    name: str, colour: str, by: str
) -> None:
    assert play(BY_NAME[name]).since_s(colour) <= time_of(by)


def test_great_britain_goes_down_the_edges_that_the_case_names() -> None:
    (situation,) = play(BY_NAME["A7"]).situations
    joined = {member.asset: member.why.edge for member in situation.members}
    assert joined["trains"] == "frequency_trip"
    assert joined["bank"] == "power_lift"
    assert joined["site"] == "power_telecom"


def test_shiyan_stays_open_and_red_when_the_crew_is_done() -> None:
    (situation,) = play(BY_NAME["A9"]).situations
    assert (situation.state, situation.colour) == ("active", "red")
    assert situation.counts["active"] == 0


def test_xining_joins_four_lifelines_within_a_minute() -> None:
    (situation,) = play(BY_NAME["A11"]).situations
    assert situation.lifelines == ["gas", "power", "road", "water"]
    assert situation.impact.people == 2_850


def test_zhengzhou_s_rain_is_behind_the_flood_and_foresees_the_metro() -> None:
    rain, flood = play(BY_NAME["A12"]).situations
    assert rain.lifelines == ["weather"]
    assert flood.lifelines == ["drain", "metro"]
    assert flood.colour == "red"
    assert flood.raised == ["linked lifelines"]


def test_the_cold_is_behind_sixty_two_bursts_that_stay_apart() -> None:
    _, *bursts = play(BY_NAME["A13"]).situations
    assert len(bursts) == 62
    behind = {burst.root.asset for burst in bursts if burst.root is not None}
    assert behind == {"cold"}


def test_the_page_says_what_comes_of_them(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-goldens"):
        PAGE.write_text(table(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == table()


def test_the_page_lists_every_case_of_the_notes() -> None:
    listed = [line.split()[1] for line in ALL.read_text(encoding="utf-8").splitlines()]
    assert listed == [f"A{number}" for number in range(1, 18)]
