"""The notice of a desk stage that stands."""

from datetime import timedelta, timezone

import msgspec

from alarms.desk_stopped import desk_stopped_notice
from contracts.desk.notice import Notice
from contracts.errors import DataLoss, Diverged, LogCut

ZONE = timezone(timedelta(hours=8))
AT_MS = 1_700_000_000_000


def test_a_loss_says_what_is_gone_and_is_one_notice_whoever_finds_it() -> None:
    lost = DataLoss("tocsin.alarms.water[1]", 12, 19, "alarms")
    told, again = (desk_stopped_notice("desk-0", lost, AT_MS + n, ZONE) for n in (0, 5_000))
    notice = msgspec.json.decode(told.body, type=Notice)
    assert told.key == again.key == notice.id.encode()
    assert (notice.desk, notice.colour, notice.withheld) == ("city", "red", None)
    assert "alarms 12 to 19 of tocsin.alarms.water[1] are lost" in notice.text["en"]
    assert "12 至 19" in notice.text["zh"]
    assert notice.at.startswith("2023-11-15T06:13:20")


def test_other_causes_are_other_notices() -> None:
    errors = (
        DataLoss("tocsin.alarms.water[1]", 12, 19, "alarms"),
        LogCut("tocsin.alarms.water[1]", 12, 20, "alarms"),
        Diverged("desk-0: something else"),
    )
    keys = {desk_stopped_notice("desk-0", error, AT_MS, ZONE).key for error in errors}
    assert len(keys) == 3
