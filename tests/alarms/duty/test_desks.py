"""Which desk owns what, whom it escalates to, and where there is none."""

from alarms.duty.desks import Desks, Hole
from contracts.catalogue import Where
from tests.alarms.duty.city import DESKS, HERE, NOBODYS, desk

CITY_OF_DESKS = Desks(DESKS)
UNKNOWN = Where("", "", "", "", None, None)


def _ids(desks: list) -> list[str]:  # type: ignore[type-arg]
    return [desk.id for desk in desks]


def test_the_desk_of_the_trade_owns_and_the_operations_centre_is_joint_owner() -> None:
    assert _ids(CITY_OF_DESKS.owners("district", HERE, ["water"])) == ["district-water", "district"]
    assert _ids(CITY_OF_DESKS.owners("district", HERE, ["power"])) == ["district"]


def test_a_desk_of_the_very_area_comes_before_one_of_all_areas() -> None:
    desks = Desks([*DESKS, desk("all-streets", "street"), desk("zz", "street", "310101002")])
    assert _ids(desks.owners("street", HERE, ["power"])) == ["street", "zz", "all-streets"]
    assert _ids(desks.owners("street", NOBODYS, ["power"])) == ["all-streets"]


def test_another_area_is_not_owned() -> None:
    other = Where("310104", "310104001", "n-99", "", None, None)
    assert CITY_OF_DESKS.owners("district", other, ["water"]) == []


def test_a_level_without_a_desk_falls_to_the_next_one_that_has_one() -> None:
    assert _ids(CITY_OF_DESKS.of("street", NOBODYS, ["power"])) == ["district"]
    assert _ids(CITY_OF_DESKS.of("neighbourhood", UNKNOWN, ["power"])) == ["city"]


def test_the_trade_is_that_of_the_district_else_that_of_the_city() -> None:
    assert _ids(CITY_OF_DESKS.of("trade", HERE, ["water"])) == ["district-water"]
    assert _ids(CITY_OF_DESKS.of("trade", UNKNOWN, ["water"])) == ["city-water"]
    assert CITY_OF_DESKS.of("trade", HERE, ["power"]) == []


def test_a_desk_escalates_to_its_own_kind_on_the_next_level() -> None:
    def above(name: str) -> str | None:
        here = CITY_OF_DESKS.get(name)
        assert here is not None
        found = CITY_OF_DESKS.above(here, HERE, ["water"])
        return found.id if found else None

    assert above("grid") == "street"
    assert above("street") == "district"
    assert above("district-water") == "city-water"
    assert above("district") == "city"
    assert above("city-water") is None


def test_holes_are_named_once_with_the_desk_that_falls_in() -> None:
    assert CITY_OF_DESKS.holes([NOBODYS, NOBODYS, HERE], ["water"]) == [
        Hole("neighbourhood", "n-77", "water", "district-water"),
        Hole("street", "310101009", "water", "district-water"),
    ]


def test_a_lifeline_that_nobody_answers_for_is_a_hole_with_nobody_instead() -> None:
    desks = Desks([desk("works", "city", lifelines=["water"])])
    holes = desks.holes([HERE], ["power"])
    assert {hole.instead for hole in holes} == {""}
    assert [hole.level for hole in holes] == ["city", "district", "neighbourhood", "street"]
