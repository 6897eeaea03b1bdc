"""Xining, Zhengzhou and a feeder: every figure as by hand."""

import pytest

from alarms.resilience.figures import IncidentFigures, LifelineFigures
from tests.alarms.resilience.replay_page import DOCS, PAGE, page, pictures
from tests.alarms.resilience.replays import FEEDER, XINING, ZHENGZHOU, figures_of

pytestmark = pytest.mark.slow

MIN_S, HOUR_S = 60.0, 3_600.0


def by_name(figures: IncidentFigures) -> dict[str, LifelineFigures]:
    return {one.lifeline: one for one in figures.lifelines}


def before(figures: LifelineFigures) -> list[tuple[float, float] | None]:
    return [figures.before[name] for name in ("detected", "acknowledged", "arrived")]


def test_xining_by_hand() -> None:
    """Event 17:36:10; detected 2 s, acknowledged 3 min, on site 15 min later."""
    (figures,) = figures_of(XINING)
    found = by_name(figures)
    assert list(found) == ["gas", "power", "road", "water"]
    assert all(one.worst == one.best for one in found.values()), "nothing was blind"
    water = found["water"]
    assert water.of == 2_850 + 8_550
    assert water.worst.lowest == 0.75
    assert water.worst.loss_s == pytest.approx(0.25 * 12 * HOUR_S)  # 300 %·h
    assert water.lost_minutes == pytest.approx((2_850 * 720,) * 2)
    assert water.worst.t80_s == 12 * HOUR_S + 5
    assert water.worst.t50_s == 0
    assert water.worst.rapidity_per_h == pytest.approx(0.25 / 12)
    assert water.worst.normalised == pytest.approx((1 - 3 / 72,) * 2)
    assert before(water) == [
        (0, 0), pytest.approx((175 / (12 * HOUR_S),) * 2), pytest.approx((895 / (12 * HOUR_S),) * 2)
    ]  # fmt: skip
    power, gas = found["power"], found["gas"]
    assert (power.worst.loss_s, gas.worst.loss_s) == pytest.approx((HOUR_S, 0.125 * 6 * HOUR_S))
    assert before(power)[0] == pytest.approx((2 / (4 * HOUR_S),) * 2)
    road = found["road"]
    assert (road.unit, road.of, road.worst.lowest) == ("assets", 4, 0.75)
    assert road.worst.restored_after_s is None
    assert road.worst.loss_s == pytest.approx(0.25 * (72 * HOUR_S - 20))
    assert not figures.over


def test_what_the_road_of_xining_tore_down_is_what_people_lost() -> None:
    """The road falls no later than what it tears, 17:36:10; what is torn is mended by itself."""
    (figures,) = figures_of(XINING)
    people = ((3_000, 14_400), (2_850, 43_205), (1_000, 21_610))  # until which second each lacks
    assert figures.coupled is not None
    assert figures.coupled.own == 0, "the road counts roads, not people"
    whole = sum(count * lasts for count, lasts in people)
    late = sum(count * (lasts - 60) for count, lasts in people)
    assert figures.coupled.coupled == pytest.approx((late, whole))
    assert list(figures.coupled.share) == [1, 1]
    first = figures.coupled.savings[0]
    assert first.child == "water.main"
    assert first.saved[1] == pytest.approx(2_850 * 43_205)


def test_zhengzhou_by_hand_with_an_interval_where_line_4_is_blind() -> None:
    """Event 16:50; detected 5, acknowledged 15, on site 90 min later; looked at after 72 h."""
    (figures,) = figures_of(ZHENGZHOU)
    found = by_name(figures)
    assert list(found) == ["drain", "metro", "telecom"]
    metro, out_s = found["metro"], 72 * HOUR_S - 30 * MIN_S  # line 5 from 17:20 on
    assert metro.of == 4_000
    assert metro.best.lowest == pytest.approx(1 - 967 / 4_000)
    assert metro.worst.lowest == pytest.approx(1 - (967 + 1_033) / 4_000)
    best_s = 967 / 4_000 * out_s
    worst_s = best_s + 1_033 / 4_000 * 2 * HOUR_S  # blind from 18:11 to 20:11
    assert metro.best.loss_s == pytest.approx(best_s)
    assert metro.worst.loss_s == pytest.approx(worst_s)
    assert (metro.best.t80_s, metro.best.rapidity_per_h) == (None, None)
    lost_s, seen_s = 967 / 4_000 * HOUR_S, 1_033 / 4_000 * 9 * MIN_S  # until 18:20
    rest_best, rest_worst = best_s - lost_s, worst_s - lost_s - seen_s
    assert before(metro)[2] == pytest.approx(
        (lost_s / (lost_s + rest_worst), (lost_s + seen_s) / (lost_s + seen_s + rest_best))
    )
    drain, telecom = found["drain"], found["telecom"]
    assert drain.worst.loss_s == pytest.approx(0.25 * 12 * HOUR_S)
    assert before(drain) == [pytest.approx((part / 720,) * 2) for part in (5, 15, 90)]
    assert telecom.worst.loss_s == pytest.approx(0.2 * 2 * HOUR_S)
    assert telecom.lost_minutes == pytest.approx((20_000 * 120,) * 2)
    assert telecom.worst.t80_s == 0, "it never fell below 80 %"


def test_what_the_rain_of_zhengzhou_may_become_by_the_edges() -> None:
    """Rain at 16:20; the yard 30 min to 3 h later, line 5 as much again, the site 10 min to 3 h."""
    (figures,) = figures_of(ZHENGZHOU)
    assert figures.coupled is not None
    yard_s = (-30 * MIN_S + 180 * MIN_S, 0.0)  # after the event: latest, earliest
    yard_until_s = 12 * HOUR_S
    line_s = [at_s + wait_s for at_s, wait_s in zip(yard_s, (180 * MIN_S, 30 * MIN_S), strict=True)]
    site_s = [at_s + wait_s for at_s, wait_s in zip(yard_s, (180 * MIN_S, 10 * MIN_S), strict=True)]
    site_until_s = 200 * MIN_S
    lost = [
        967 * (yard_until_s - line) + 20_000 * max(site_until_s - site, 0)
        for line, site in zip(line_s, site_s, strict=True)
    ]
    assert figures.coupled.coupled == pytest.approx(lost)


def test_the_feeder_by_hand_and_what_its_buffers_bridge() -> None:
    """Event 14:00:00; detected 8 s, acknowledged 2, on site 40 min later; power back at 19:00."""
    first, second = figures_of(FEEDER)
    found = by_name(first) | by_name(second)
    assert [list(by_name(one)) for one in (first, second)] == [
        ["elevator", "power", "telecom"], ["water"]
    ], "an alarm four hours later is an incident of its own"  # fmt: skip
    power, lifts, cell, water = (found[n] for n in ("power", "elevator", "telecom", "water"))
    assert power.worst.loss_s == pytest.approx(0.25 * 5 * HOUR_S)  # 125 %·h
    assert power.lost_minutes == pytest.approx((4_000 * 300,) * 2)
    assert before(power) == [pytest.approx((part / 18_000,) * 2) for part in (8, 120, 2_400)]
    assert lifts.worst.lowest == pytest.approx(0.4)
    assert lifts.worst.loss_s == pytest.approx(0.6 * 17_997)
    assert cell.worst.loss_s == pytest.approx(0.25 * 4 * HOUR_S)
    assert before(cell) == [(0, 0), (0, 0), (0, 0)], "its battery outlasted the way there"
    assert water.worst.loss_s == pytest.approx(0.25 * 69 * MIN_S)
    assert water.worst.t80_s == 69 * MIN_S + 55, "behind the pumps' onset at 18:00:05"
    assert first.over
    assert second.over


def test_the_feeder_s_cascade_by_hand() -> None:
    """Lifts at once to 10 s later, the cell 1 to 8 h, the zone 4 h and 10 s to 10 min 30 s."""
    first, _ = figures_of(FEEDER)
    assert first.coupled is not None
    own = 4_000 * 18_000
    early = own + 180 * 18_000 + 5_000 * 14_400 + 2_500 * (3_600 - 10)
    late = own + 180 * 17_990 + 2_500 * (3_600 - 630)
    assert first.coupled.own == own
    assert first.coupled.coupled == pytest.approx((late, early))
    assert first.coupled.share == pytest.approx((1 - own / late, 1 - own / early))
    savings = {one.child: one.saved for one in first.coupled.savings}
    assert savings["telecom.plum-cell"] == pytest.approx((0, 5_000 * 14_400))
    assert savings["water.plum-pumps"] == savings["water.plum-zone"]
    assert savings["water.plum-zone"] == pytest.approx((2_500 * 2_970, 2_500 * 3_590))
    assert savings["elevator.plum-1"] == pytest.approx((60 * 17_990, 60 * 18_000))


def test_the_page_and_its_pictures_show_these_figures(request: pytest.FixtureRequest) -> None:
    shown = {PAGE: page(), **{DOCS / "images" / name: svg for name, svg in pictures()}}
    for path, text in shown.items():
        if request.config.getoption("--update-goldens"):
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text, path.name
    assert len(shown) == 1 + 4 + 3 + 4
