"""The sheet of a shift: open and closed incidents, shelvings, what was withheld, load, drills."""

from typing import Any

import pytest

from alarms.duty.desk_kpi import DeskTold
from alarms.duty.kpi import Period
from alarms.rationalisation import Text
from contracts.alarm import ShelvingRecord
from contracts.civil_time import CITY
from operate.desk.handover import Shift, sheet
from operate.desk.sheet import as_html, as_markdown
from tests.alarms.duty.city import at
from tests.testkit.desk.told import incident, notice, situation, ticket

DESK = "power-310101"
BEGINS = at("2026-03-04T12:00")
SHIFT = Period(BEGINS, BEGINS + 12 * 3_600)
CHECKPOINT = "tocsin.example/log\n42\nqINS1GRFLxmPkEa=\n\n— tocsin.example/log tqIz5w=\n"
SHELVED = ShelvingRecord(
    "water.feed-01.flow",
    "water",
    "shelved",
    "2026-03-04T13:00:00+08:00",
    "2026-03-05T08:00:00+08:00",
    "li.wei",
    "officer",
    "meter | exchanged",
    "c-1",
)


def other(number: int, **changes: Any) -> dict[str, Any]:
    name = f"i-{number:016x}"
    return situation(id=name, title={"en": f"Matter {number}", "zh": f"事项{number}"}, **changes)


def shift(told: DeskTold, *shelved: ShelvingRecord) -> Shift:
    name = Text(en="Old Town power company", zh="老城区供电公司")
    return Shift(DESK, name, SHIFT, told, shelved, CITY)


def closed(at_s: str) -> dict[str, Any]:
    step = {"at": at_s, "what": "closed: false", "by": "wang.fang"}
    return ticket(state="closed", verdict="false", history=[step])


def told() -> DeskTold:
    incidents = [
        incident(),
        incident(situation=other(2), ticket=closed("2026-03-04T15:00:00+08:00")),
        incident(situation=other(3), ticket=closed("2026-03-04T11:59:00+08:00")),
        incident(situation=other(4)),
        incident(situation=other(5), drill=True),
    ]
    notices = [notice(n, incident=one.id) for n, one in enumerate(incidents) if one.id[-1] != "4"]
    notices.append(notice(9, withheld={"by": "budget"}))
    return DeskTold(notices, incidents, [])


def test_a_sheet_has_what_the_next_shift_needs_in_both_languages() -> None:
    page = as_markdown([sheet(shift(told(), SHELVED), tongue) for tongue in ("en", "zh")])
    for said in (
        "# Handover of Old Town power company, 2026-03-04 12:00 to 2026-03-05 00:00",
        "| i-0000000000000001 | red | registered | nobody | acknowledge by 2026-03-04 14:01, then "
        "city | acknowledge it | Feeder 01: 2 alarms in 2 lifelines |",
        "| i-0000000000000002 | false | wang.fang | 2026-03-04 15:00 | Matter 2 |",
        "| water.feed-01.flow | 2026-03-05 08:00 | li.wei | meter \\| exchanged |",
        "| budget | 1 |",
        "4 notices, 0.06 in ten minutes; at most 4 in ten minutes, 0 floods.",
        "i-0000000000000005 Matter 5",
        "# 老城区供电公司交接班单，2026-03-04 12:00 至 2026-03-05 00:00",
        "| i-0000000000000001 | 红 | 已登记 | 无人认领 | 须于 2026-03-04 14:01 前确认，"
        "逾期升级至 city | 确认事件 | 01 线：2 条告警 |",
        "| 超出负荷上限 | 1 |",
        "| i-0000000000000002 | 误报 | wang.fang |",
    ):
        assert said in page, said
    assert "Matter 3" not in page, "it was closed before the shift"
    assert "Matter 4" not in page, "nobody told this desk of it"
    assert "Ledger" not in page


def test_an_empty_shift_says_that_there_is_nothing_of_each() -> None:
    page = as_markdown([sheet(shift(DeskTold([], [], [])), "en")])
    assert page.count("None.") == 5


def test_a_checkpoint_of_the_ledger_goes_out_with_the_sheet() -> None:
    page = as_markdown([sheet(shift(told()), "en", CHECKPOINT)])
    assert page.endswith("## Ledger checkpoint\n\n```\n" + CHECKPOINT + "```\n")
    page = as_html([sheet(shift(told()), "en", CHECKPOINT)])
    assert f'<h2>Ledger checkpoint</h2><div class="wide"><pre>{CHECKPOINT}</pre></div>' in page


@pytest.mark.parametrize(
    ("answered", "state", "clock", "then"),
    [
        ({"acknowledged": True}, "active", "", "name an owner"),
        (
            {"acknowledged": True, "owner": "Li", "due": "2026-03-04T16:00:00+08:00"},
            "active",
            "registered is due to end 2026-03-04 16:00",
            "move it on from registered",
        ),
        (
            {"acknowledged": True, "owner": "Li"},
            "over",
            "",
            "have it checked by another person, and close it",
        ),
    ],
)
def test_the_next_step_follows_from_how_far_an_incident_is_answered(
    answered: dict[str, Any], state: str, clock: str, then: str
) -> None:
    one = incident(situation=situation(state=state), ticket=ticket(**answered))
    section = sheet(shift(DeskTold([notice(1)], [one], [])), "en").sections[0]
    assert section.rows[0][4:6] == (clock, then)


def test_a_clock_that_ran_out_says_so_and_the_newest_revision_before_the_end_counts() -> None:
    ran = {
        "level": "district",
        "desk": DESK,
        "acknowledge_by": "2026-03-04T14:01:10+08:00",
        "escalates_to": "city",
        "fired": "2026-03-04T14:02:10+08:00",
    }
    later = incident(3, at="2026-03-05T00:00:00+08:00", ticket=closed("2026-03-05T00:00:00+08:00"))
    revisions = [incident(1), incident(2, clocks=[ran]), later]
    section = sheet(shift(DeskTold([notice(1)], revisions, [])), "en").sections[0]
    assert section.rows[0][4] == "ran out 2026-03-04 14:02"


def test_the_page_for_browsers_escapes_what_people_wrote() -> None:
    wild = incident(situation=situation(title={"en": "<b>", "zh": "<b>"}))
    page = as_html([sheet(shift(DeskTold([notice(1)], [wild], [])), "zh")])
    assert page.startswith('<!doctype html><html lang="zh">')
    assert '<td data-what="内容">&lt;b&gt;</td>' in page
