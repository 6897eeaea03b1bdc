"""Desks, rosters and clocks from their files, and what is wrong with them."""

import json
import shutil
from pathlib import Path

import pytest

from alarms.duty.budget import Budget
from alarms.duty.clocks import CLOCKS
from alarms.duty.duty import Duty
from app.cli.main import main
from configuration.configuration import Configuration
from configuration.desk.duty import DutyFolder, load_duty
from contracts.catalogue import Where
from contracts.civil_time import CITY
from contracts.errors import ConfigError
from contracts.quantities import Duration
from runtime.installation import CONFIGS
from tests.testkit.config_folder import findings_of, folder_with

pytestmark = pytest.mark.slow

CITY_DESK = "- {id: city, level: city, name: {en: City, zh: 市}, people: [phone]}\n"
DESKS = f"desks:\n{CITY_DESK}"
STREET = "- {id: s, level: street, area: 'A1', name: {en: S, zh: 街}}\n"
LIFELINES = sorted(path.parent.name for path in CONFIGS.glob("*/catalogue.csv"))
HERE = Where("310101", "310101002", "n-05", "", None, None)


def _loaded(place: Path, files: dict[str, str | bytes]) -> DutyFolder:
    return load_duty(folder_with(place, files), CITY, ["water"])


def _warnings(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `tocsin check` warns of in a good folder, the places before its name left out."""
    assert main(["check", "--json", str(folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    return [line.replace(f"{folder.parent.as_posix()}/", "") for line in found["warnings"]]


def _findings(place: Path, text: str) -> list[str]:
    return findings_of(place, {"desks/desks.yaml": text})


def test_a_city_that_has_laid_down_nothing_has_one_desk_that_is_always_on_duty(
    tmp_path: Path,
) -> None:
    duty = _loaded(tmp_path, {})
    assert [(desk.id, desk.level) for desk in duty.plan.desks] == [("city", "city")]
    assert duty.plan.roster.on_duty("city", 0) == ["city duty desk"]
    assert [desk.id for desk in duty.plan.desks.of("street", HERE, ["water"])] == ["city"]
    assert duty.plan.clocks == CLOCKS
    assert Duty(duty.plan).soonest_s is None


def test_files_are_read_as_one_and_colours_that_are_left_out_keep_their_clock(
    tmp_path: Path,
) -> None:
    files: dict[str, str | bytes] = {
        "desks/a.yaml": DESKS + STREET,
        "desks/b.yaml": "roster: [{desk: s, people: [Li], begins: '08:00', ends: '09:00'}]\n"
        "clocks: {yellow: {told: [street], acknowledge: 3 min, escalate: 9 min}}\n"
        "budget: {every: 5 min, burst: 2}\nareas: {A1: {en: First, zh: 一}}\n",
    }
    plan = _loaded(tmp_path, files).plan
    assert [desk.id for desk in plan.desks] == ["city", "s"]
    assert plan.roster.on_duty("s", 30 * 60) == ["Li"]  # 08:30 on the first day of 1970
    assert plan.clocks["yellow"].told == ["street"]
    assert plan.clocks["red"] == CLOCKS["red"]
    assert plan.budget == Budget(every=Duration("5 min"), burst=2)
    assert plan.areas["A1"].en == "First"


def test_the_hash_is_that_of_the_files_and_no_other(tmp_path: Path) -> None:
    one = _loaded(tmp_path / "1", {"desks/a.yaml": DESKS}).config
    assert one == _loaded(tmp_path / "2", {"desks/a.yaml": DESKS, "water/x.md": "-"}).config
    assert one != _loaded(tmp_path / "3", {"desks/b.yaml": DESKS}).config
    assert one != _loaded(tmp_path / "4", {"desks/a.yaml": DESKS + "# more\n"}).config
    assert len(one) == 16


def test_lanes_do_not_mind_who_is_on_duty(tmp_path: Path) -> None:
    bare = Configuration.load(folder_with(tmp_path / "1", {}), {})
    files: dict[str, str | bytes] = {"desks/a.yaml": DESKS}
    assert Configuration.load(folder_with(tmp_path / "2", files), {}).hash == bare.hash


OTHER_LEVELS = """\
levels:
  - {id: block, name: {en: block, zh: 社区}, area: neighbourhood}
  - {id: county, name: {en: county, zh: 县级}, area: district, trades: true}
  - {id: province, name: {en: province, zh: 省级}}
desks:
  - {id: p, level: province, name: {en: P, zh: 省}, people: [phone]}
  - {id: c, level: county, area: "310101", name: {en: C, zh: 县}, people: [phone]}
  - {id: w, level: county, lifelines: [water], name: {en: W, zh: 水}, people: [phone]}
"""
OTHER_CLOCKS = """\
clocks:
  red: {told: [province, county, trade], acknowledge: 1 min, escalate: 2 min}
  orange: {told: [county, trade], informed: [province], acknowledge: 5 min, escalate: 10 min}
  yellow: {told: [block, trade], acknowledge: 15 min, escalate: 60 min}
  blue: {told: [block]}
"""


def test_a_city_with_other_levels_names_them_in_desks_and_clocks(tmp_path: Path) -> None:
    duty = _loaded(tmp_path, {"desks/a.yaml": OTHER_LEVELS + OTHER_CLOCKS})
    desks = duty.plan.desks
    assert [level.id for level in desks.levels] == ["block", "county", "province"]
    assert [desk.id for desk in desks.of("block", HERE, ["water"])] == ["c", "w"]
    assert [desk.id for desk in desks.of("trade", HERE, ["water"])] == ["w"]
    county = desks.get("c")
    assert county is not None
    above = desks.above(county, HERE, ["water"])
    assert above is not None
    assert above.id == "p"
    assert (desks.next_level("block"), desks.next_level("province")) == ("county", "province")
    assert desks.next_level("street") == "province"  # of a clock that began under other levels
    assert [hole.level for hole in desks.holes([HERE], ["power"])] == ["block"]
    assert duty.plan.clocks["yellow"].told == ["block", "trade"]
    assert Duty(duty.plan).soonest_s is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            OTHER_LEVELS,
            "1:1: levels: expected a clock of red, got none; the built-in one names other levels, "
            "so write it under `clocks`",
        ),
        (
            OTHER_LEVELS + OTHER_CLOCKS.replace("[block]", "[street]"),
            "clocks.blue.told[0]: expected one of 'block', 'county', 'province', 'trade', "
            "got 'street'",
        ),
        (
            OTHER_LEVELS.replace("省级}}", "省级}, area: street}") + OTHER_CLOCKS,
            "levels[2].area: expected no area of the highest level, got 'street'",
        ),
        (
            OTHER_LEVELS.replace(", area: neighbourhood", "") + OTHER_CLOCKS,
            "levels[0]: expected `area`, a column of the catalogues, as another level is above",
        ),
        (
            OTHER_LEVELS.replace("id: block", "id: county")
            + OTHER_CLOCKS.replace("block", "county"),
            "levels[1].id: expected a name of its own, and not `trade`, got 'county'",
        ),
    ],
)
def test_levels_that_do_not_hold_together_are_refused(
    tmp_path: Path, text: str, found: str
) -> None:
    lines = _findings(tmp_path, text)
    assert any(found in line for line in lines), lines


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            DESKS + STREET.replace("street", "stret"),
            "3:18: desks[1].level: expected one of 'neighbourhood', 'street', 'district', 'city', "
            "got 'stret'; nearest is 'street'",
        ),
        (
            DESKS + CITY_DESK,
            "3:8: desks[1].id: expected each desk once, got 'city' of",
        ),
        (
            DESKS + STREET,
            "3:3: desks[1]: expected somebody on duty at 's' some time, got nobody; add `people`, "
            "or a shift to the `roster`",
        ),
        (
            DESKS.replace("level: city,", "level: city, area: A1,"),
            "2:33: desks[0].area: expected no area of a city desk, got 'A1'; leave it out",
        ),
        (
            DESKS.replace("people:", "daily: '8', people:"),
            "daily: expected a time of day such as '08:00', got '8'",
        ),
        (
            DESKS.replace("people:", "heartbeat: 2 d, people:"),
            "heartbeat: expected 1 min to 24 h, got '2 d'",
        ),
        (
            DESKS.replace("people:", "heartbeat: 3 periods, people:"),
            "heartbeat: expected a time of whole seconds, got '3 periods'",
        ),
        (
            DESKS + "risks: [{id: R, name: {en: a, zh: b}, rules: [water], plan: P-1}]\n"
            "plans: [{id: P-2, name: {en: a, zh: b}}]\n",
            "risks[0].plan: expected a plan's id, got 'P-1'; nearest is 'P-2'",
        ),
        (
            DESKS + "plans: [{id: P, name: {en: a, zh: b}}, {id: P, name: {en: a, zh: b}}]\n",
            "plans[1].id: expected the plan 'P', got it again; keep one",
        ),
        (
            DESKS + "responsible: [{kind: teritory, name: {en: a, zh: b}}]\n",
            "responsible[0].kind: expected one of 'industry', 'owner', 'supervision', "
            "'territory', got 'teritory'; nearest is 'territory'",
        ),
        (
            DESKS + "roster: [{desk: citty, people: [Li], begins: '08:00', ends: '09:00'}]\n",
            "3:17: roster[0].desk: expected a desk's id, got 'citty'; nearest is 'city'",
        ),
        (
            DESKS + "roster: [{desk: city, people: [Li], begins: '8', ends: '09:00'}]\n",
            "begins: expected times of day such as '08:00' and '20:00', got '8 to 09:00'",
        ),
        (
            DESKS + "roster: [{desk: city, people: [], begins: '08:00', ends: '09:00'}]\n",
            "people: expected people, got none; only a shift with dates may close a desk",
        ),
        (
            DESKS + "roster: [{desk: city, people: [Li], begins: 2026-02-15T08:00, "
            "ends: 2026-02-15T08:00}]\n",
            "begins: expected times such as 2026-02-15T08:00, the second one later, got "
            "'2026-02-15T08:00 to 2026-02-15T08:00'",
        ),
        (
            DESKS + "roster: [{desk: city, people: [Li], begins: 2026-02-15T08:00, "
            "ends: 2026-02-16T08:00, days: [mon]}]\n",
            "days: expected no days of a shift with dates; leave them out",
        ),
        (
            DESKS + "clocks: {red: {told: [city]}}\n",
            "3:15: clocks.red: expected `acknowledge` and `escalate`, got none; red cannot wait",
        ),
        (
            DESKS + "clocks: {yellow: {told: [city], escalate: 5 min}}\n",
            "clocks.yellow: expected `acknowledge` and `escalate`, got one of them; write both, "
            "or none for a colour that waits for the daily list",
        ),
        (
            DESKS + "clocks: {red: {told: [city], acknowledge: 5 min, escalate: 2 min}}\n",
            "clocks.red.escalate: expected at least 5 min, got '2 min'",
        ),
        (
            DESKS + "clocks: {red: {told: [city], acknowledge: 3 periods, escalate: 2 min}}\n",
            "clocks.red.acknowledge: expected a time of whole seconds, got '3 periods'",
        ),
        (
            DESKS + "budget: {every: 500 ms}\n",
            "budget.every: expected a time of whole seconds, got '500 ms'",
        ),
        (
            DESKS.replace("people:", "lifelines: [power], people:"),
            "desks: desks: expected a city desk that answers for 'water', got none; add one, or "
            "one without `lifelines`",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, found: str) -> None:
    (line,) = _findings(tmp_path, text)
    assert found in line
    assert line.startswith("desks")


def test_what_stands_in_two_files_is_named_once(tmp_path: Path) -> None:
    again = "budget: {burst: 2}\nclocks: {blue: {told: [street]}}\nareas: {A1: {en: A, zh: 甲}}\n"
    files: dict[str, str | bytes] = {"desks/a.yaml": DESKS + again, "desks/b.yaml": again}
    found = [line.rpartition("desks/a.yaml")[0] for line in findings_of(tmp_path, files)]
    assert [line.partition(" expected")[0] for line in found] == [
        "desks/b.yaml:1:1: budget:",
        "desks/b.yaml:2:10: clocks.blue:",
        "desks/b.yaml:3:9: areas.A1:",
    ]


def test_the_other_ending_and_what_is_no_yaml_are_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"desks/a.yml": DESKS, "desks/b.yaml": "desks: ["}
    first, second = findings_of(tmp_path, files)
    assert first == "desks/a.yml: expected the ending `.yaml`, got `.yml`; rename the file"
    assert second.startswith("desks/b.yaml:")
    with pytest.raises(ConfigError):
        load_duty(tmp_path, CITY, ["water"])


def test_the_desks_that_come_with_tocsin_have_no_hole(capsys: pytest.CaptureFixture[str]) -> None:
    duty = load_duty(CONFIGS, CITY, LIFELINES)
    assert _warnings(CONFIGS, capsys) == []
    assert [desk.id for desk in duty.plan.desks.of("trade", HERE, ["pit"])] == [
        "construction-310101"
    ]
    assert [desk.id for desk in duty.plan.desks.of("street", HERE, ["power"])] == [
        "street-310101002"
    ]


def _refused(folder: Path) -> list[str]:
    """What is wrong with a folder, the places before its name left out."""
    with pytest.raises(ConfigError) as caught:
        Configuration.load(folder)
    return [line.replace(f"{folder.parent.as_posix()}/", "") for line in caught.value.findings]


def _with_a_hole(place: Path) -> Path:
    """The shipped desks, one street's desk moved to where nothing is; their file."""
    shutil.copytree(CONFIGS, place / "configs")
    desks = place / "configs" / "desks" / "desks.yaml"
    text = desks.read_text(encoding="utf-8")
    desks.write_text(text.replace('area: "310101003"', 'area: "310101004"'), encoding="utf-8")
    return desks


def test_holes_and_empty_hours_are_refused(tmp_path: Path) -> None:
    desks = _with_a_hole(tmp_path)
    text = desks.read_text(encoding="utf-8").replace("    people: [lift rescue]\n", "")
    desks.write_text(text, encoding="utf-8")
    roster = desks.with_name("roster.yaml")
    shift = '  - {desk: city-lifts, people: [Qian], begins: "08:00", ends: "20:00"}\n'
    roster.write_text(roster.read_text(encoding="utf-8") + shift, encoding="utf-8")
    lifts = text.splitlines().index("  - id: city-lifts") + 1
    catalogues = ((name, CONFIGS / name / "catalogue.csv") for name in LIFELINES)
    there = [name for name, path in catalogues if "310101003" in path.read_text(encoding="utf-8")]
    assert _refused(tmp_path / "configs") == [
        f"configs/desks: desks: expected a street desk for {', '.join(there)} in every area, got "
        "none in 310101003; add one, or say with `covered_above` that the next level answers there",
        f"configs/desks/desks.yaml:{lifts}:5: expected somebody at a city desk at all hours, got "
        "nobody from mon 00:00 on; add shifts or `people`, as no desk is above it",
    ]


def test_what_the_next_level_covers_by_design_is_no_hole_and_a_desk_without_a_place_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desks = _with_a_hole(tmp_path)
    more = 'covered_above:\n  - {level: street, areas: ["310101003"]}\n'
    desks.write_text(desks.read_text(encoding="utf-8") + more, encoding="utf-8")
    text = desks.read_text(encoding="utf-8")
    area = text.splitlines().index('    area: "310101004"') + 1
    assert _warnings(tmp_path / "configs", capsys) == [
        f"configs/desks/desks.yaml:{area}:11: expected a street of the catalogues, got "
        "'310101004'; nothing is there",
    ]
    other = text.replace('areas: ["310101003"]', "lifelines: [water]")
    desks.write_text(other, encoding="utf-8")
    (line,) = _refused(tmp_path / "configs")
    assert "water" not in line


def test_levels_without_any_desk_are_no_holes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = "id,class,asset,group,district\nwater.a.p,water.pressure,a,water.a,D1\n"
    files: dict[str, str | bytes] = {"desks/a.yaml": DESKS, "water/catalogue.csv": catalogue}
    assert _warnings(folder_with(tmp_path, files), capsys) == []


def test_risks_that_nothing_shows_and_what_nobody_bears_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    file = tmp_path / "configs" / "desks" / "responsibility.yaml"
    text = file.read_text(encoding="utf-8").replace("[metro.density]", "[metro.densty]")
    lines = text.splitlines(keepends=True)
    text = "".join(line for line in lines if "Water Authority" not in line)
    file.write_text(text, encoding="utf-8")
    assert [line for line in _warnings(tmp_path / "configs", capsys) if "responsible" in line] == [
        "configs/desks: responsible: expected risks of rules, classes or lifelines of the "
        "catalogues, got 'metro.densty'; no channel can show it",
        "configs/desks: responsible: expected who bears the responsibility `industry` for water, "
        "got nobody in 310101; add them to `responsible`",
    ]
