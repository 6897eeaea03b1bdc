"""Every reason for which a notice is withheld has a sentence of its own."""

from typing import get_args

import pytest

from alarms.duty.withheld_text import why_withheld
from contracts.desk.notice import Withheld
from tests.testkit.desk.told import notice

REASONS = get_args(Withheld.__annotations__["by"])


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_said_in_both_languages(reason: str) -> None:
    held = {"by": reason, "detail": "D-7", "until": "2026-03-04T16:30:00+08:00"}
    why = why_withheld(notice(withheld=held))
    bare = why_withheld(notice(withheld={"by": reason}))
    said = "power-310101 was not told “Red: Feeder 01: 2 alarms” because "
    assert why["en"].startswith(said)
    assert why["en"].endswith(", until 2026-03-04 16:30.")
    assert why["zh"].startswith("未通知 power-310101“【红色】01 线：2 条告警”，原因：")
    assert why["zh"].endswith("，至 2026-03-04 16:30。")
    assert "until" not in bare["en"]
    assert reason not in why["zh"], "the word of the record is no Chinese"


def test_sentences_of_two_reasons_differ() -> None:
    for tongue in ("en", "zh"):
        said = [why_withheld(notice(withheld={"by": reason}))[tongue] for reason in REASONS]
        assert len(set(said)) == len(REASONS)
