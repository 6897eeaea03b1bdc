"""Which risk an incident is, which plan answers it, and who bears which responsibility."""

from dataclasses import replace

import msgspec

from alarms.desk_text import whole
from alarms.duty.plan import default_plan
from alarms.duty.responsibility import Party, Plan, Responsibilities, Risk
from alarms.rationalisation import Text
from contracts.catalogue import Where
from contracts.desk.incident import Responsibility
from tests.alarms.incidents.cities import PLACE, ZONE, Rings
from tests.alarms.test_desk import QUIET, desk, incidents


def text(word: str) -> Text:
    return Text(en=word, zh=f"{word}字")


PLANS = [Plan(id="P-1", name=text("outage plan")), Plan(id="P-2", name=text("quality plan"))]
RISKS = [
    Risk(id="R-1", name=text("no water"), rules=["water"], plan="P-1"),
    Risk(id="R-2", name=text("bad water"), rules=["water.chlorine"], plan="P-2"),
    Risk(id="R-3", name=text("no chlorine"), rules=["water.chlorine/limit"], plan="P-2"),
]
PARTIES = [
    Party(kind="territory", name=text("city")),
    Party(kind="territory", area="310101", name=text("district")),
    Party(kind="territory", area="310101002", lifelines=["water"], name=text("street")),
    Party(kind="industry", name=text("commission")),
    Party(kind="industry", lifelines=["water"], name=text("water authority")),
    Party(kind="owner", lifelines=["power"], name=text("grid")),
]
LAID_DOWN = Responsibilities(RISKS, PLANS, PARTIES)


def test_the_risk_that_names_the_rule_most_narrowly_is_told_with_its_plan() -> None:
    faults = ["water.chlorine/limit", "water.chlorine/silent", "water.flow/limit", "power.f/limit"]
    found = [LAID_DOWN.of(fault, PLACE, ["power"]) for fault in faults]
    assert [(f.risk, f.plan) for f in found] == [
        ("R-3", "P-2"),
        ("R-2", "P-2"),
        ("R-1", "P-1"),
        ("", ""),
    ]
    assert found[0].names["plan"] == {"en": "quality plan", "zh": "quality plan字"}
    assert LAID_DOWN.of("", PLACE, ["power", "water"]).risk == "R-1"


def test_the_smallest_area_bears_it_and_then_who_is_there_for_the_lifeline() -> None:
    def borne(where: Where, lifeline: str) -> dict[str, str]:
        names = LAID_DOWN.of("", where, [lifeline]).names
        return {kind: name["en"] for kind, name in names.items() if kind not in {"risk", "plan"}}

    nowhere = Where("", "", "", "", None, None)
    assert borne(PLACE, "water") == {"territory": "street", "industry": "water authority"}
    assert borne(PLACE, "power") == {
        "territory": "district",
        "industry": "commission",
        "owner": "grid",
    }
    assert borne(nowhere, "water")["territory"] == "city"


def test_an_incident_says_who_is_responsible_and_one_of_a_city_without_does_not() -> None:
    alarm = Rings()("water.p1", colour="orange", class_name="water.chlorine")
    plan = replace(default_plan(ZONE), responsibilities=LAID_DOWN)
    (incident,) = incidents(desk(QUIET, plan).take(alarm))
    assert isinstance(incident.responsibility, Responsibility)
    assert incident.responsibility.risk == "R-3"
    shown = "\n".join(whole(incident))
    assert "plan: P-2 quality plan" in shown
    assert "territory: street" in shown
    told = desk().take(alarm)
    (plain,) = incidents(told)
    assert isinstance(plain.responsibility, msgspec.UnsetType)
    assert not any(b"responsibility" in message.body for message in told)
