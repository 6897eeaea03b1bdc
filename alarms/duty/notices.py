"""Notices as people read them: what, where, why now, what to do, by when."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from alarms.duty.budget import HeldBack
from alarms.duty.case import Case
from alarms.duty.desks import Desk
from alarms.duty.plan import DutyPlan
from alarms.rationalisation import Text
from contracts.desk.notice import Notice, NoticeReason
from contracts.ports.lane_log import Message
from contracts.transition import RINGING

COLOUR_WORDS: Final = {
    "blue": Text(en="Blue", zh="蓝色"),
    "yellow": Text(en="Yellow", zh="黄色"),
    "orange": Text(en="Orange", zh="橙色"),
    "red": Text(en="Red", zh="红色"),
}
DRILL: Final = Text(en="DRILL. ", zh="【演练】")
# Why a desk is told now; a new incident needs no explanation.
LEADS: Final[dict[NoticeReason, Text]] = {
    "colour": Text(en="The colour has changed.", zh="告警级别有变化。"),
    "root": Text(en="Another cause is suspected now.", zh="疑似原因有变化。"),
    "lifeline": Text(en="It has reached another lifeline.", zh="影响已波及其他生命线。"),
    "impact": Text(en="It affects at least twice as many people.", zh="受影响人数至少翻了一倍。"),
    "escalated": Text(en="{desk} has not acknowledged.", zh="{desk}未在时限内确认，现已升级。"),
    "reminder": Text(en="It is still open.", zh="事件仍未结束。"),
    "over": Text(en="It is over.", zh="告警已恢复。"),
    "handover": Text(en="It has been handed over to you.", zh="现交由贵处处置。"),
    "nobody on duty": Text(
        en="Nobody is on duty at {desk}: it is yours.", zh="{desk}目前无人值班，由贵处负责处置。"
    ),
    # Said of both incidents that take part.
    "merged": Text(en="It was merged with another incident.", zh="已与相关事件合并处置。"),
    "split": Text(en="One incident was split in two.", zh="原事件已拆分为两起。"),
}
MISSING: Final = Text(
    en="No {level} desk answers for it: it is yours.", zh="所在{level}未设责任席位，由贵处负责。"
)
REASON_WORDS: Final = {
    "new": Text(en="new", zh="新发"),
    "over": Text(en="over", zh="恢复"),
    "escalated": Text(en="escalated", zh="升级"),
    "reminder": Text(en="still open", zh="未结束"),
}
_OTHER: Final = Text(en="changed", zh="有变化")
Texts = dict[str, str]


class Call(NamedTuple):
    """Why a desk is called.

    Parameters
    ----------
    reason : NoticeReason
    instead_of : Desk or None
        Desk that did not acknowledge, or where nobody is on duty.
    missing : Text or None
        Name of the level that has no desk for the place, None when it has one.
    informed : bool
        Whether it is asked for nothing.
    late : bool
        Whether a clock behind a restart is why.
    """

    reason: NoticeReason
    instead_of: Desk | None = None
    missing: Text | None = None
    informed: bool = False
    late: bool = False


def notice_id(incident: str, revision: int, desk: str, reason: str, count: int = 0) -> str:
    """Id of a notice: the same for the same incident, revision, desk and reason.

    >>> notice_id("i-0123456789abcdef", 3, "city", "escalated")
    'n-b64f59327a193c9a'
    """
    parts = [incident, str(revision), desk, reason, *([str(count)] if count else [])]
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=8)
    return f"n-{digest.hexdigest()}"


def notice_text(case: Case, call: Call, plan: DutyPlan, by_s: int | None) -> Texts:
    """Sentences of a notice.

    Parameters
    ----------
    case : Case
    call : Call
    plan : DutyPlan
        Has names of areas, and the city's zone.
    by_s : int or None
        When an acknowledgement is late, in seconds since 1970 UTC; None when nobody asks for it.
    """
    en, zh = _place(case, plan.areas)
    by = "" if by_s is None else datetime.fromtimestamp(by_s, plan.zone).strftime("%H:%M")
    colour = COLOUR_WORDS[case.colour]
    lead = _lead(call)
    first_en, first_zh = case.first.get("en", ""), case.first.get("zh", "")
    parts_en = [
        f"{colour.en}: {_bare(case.title['en'])}{en and ', ' + en}.",
        lead.get("en", ""),
        f"First: {_bare(first_en)}." if first_en and case.over is False else "",
        f"Acknowledge by {by}." if by else "",
    ]
    parts_zh = [
        f"【{colour.zh}】{zh and zh + '：'}{_bare(case.title['zh'])}。",
        lead.get("zh", ""),
        f"首先：{_bare(first_zh)}。" if first_zh and case.over is False else "",
        f"请于 {by} 前确认。" if by else "",
    ]
    drill_en, drill_zh = (DRILL.en, DRILL.zh) if case.drill else ("", "")
    return {
        "en": drill_en + " ".join(filter(None, parts_en)),
        "zh": drill_zh + "".join(parts_zh),
    }


def summary_text(held: HeldBack) -> Texts:
    """Sentences of a summary: how many notices the budget kept back, of which kinds."""
    count = held.counts["all"]
    en, zh = _counted(held)
    return {
        "en": f"{count} notice{'s' * (count > 1)} held back while this desk was busy: {en}. "
        f"Foremost: {_foremost(held, 'en')}.",
        "zh": f"本席位繁忙期间暂缓通知 {count} 条：{zh}。主要有：{_foremost(held, 'zh')}。",
    }


def daily_text(listed: HeldBack) -> Texts:
    """Sentences of a daily list; it names as many matters as a person reads at one glance."""
    count = listed.counts["all"]
    more = len(listed.foremost) - FOREMOST_LISTED
    en, zh = _counted(listed)
    return {
        "en": f"Daily list, {count} notice{'s' * (count > 1)}: {en}. "
        f"{_foremost(listed, 'en')}{f'; and {more} more' if more > 0 else ''}.",
        "zh": f"每日清单，共 {count} 条：{zh}。{_foremost(listed, 'zh')}"
        f"{f'；另有 {more} 项' if more > 0 else ''}。",
    }


FOREMOST_LISTED: Final = 20


def _foremost(held: HeldBack, language: str) -> str:
    named = held.foremost[:FOREMOST_LISTED]
    return ("；" if language == "zh" else "; ").join(
        _bare(matter.zh if language == "zh" else matter.en) for matter in named
    )


def _counted(held: HeldBack) -> tuple[str, str]:
    """Counts by colour, worst first, then by reason in the order of their names."""
    en: list[str] = []
    zh: list[str] = []
    for colour in reversed(RINGING):
        if count := held.counts.get(colour):
            en.append(f"{count} {COLOUR_WORDS[colour].en.lower()}")
            zh.append(f"{COLOUR_WORDS[colour].zh} {count} 条")
    reasons: dict[str, int] = {}
    for reason in sorted(held.counts.keys() - {"all", *RINGING}):
        word = reason if reason in REASON_WORDS else ""
        reasons[word] = reasons.get(word, 0) + held.counts[reason]
    words = {word: REASON_WORDS.get(word, _OTHER) for word in sorted(reasons)}
    en.append(", ".join(f"{reasons[word]} {text.en}" for word, text in words.items()))
    zh.append("、".join(f"{text.zh} {reasons[word]} 条" for word, text in words.items()))
    return "; ".join(en), "；".join(zh)


def _lead(call: Call) -> Texts:
    en, zh = [], []
    if call.reason in LEADS:
        lead, desk = LEADS[call.reason], call.instead_of
        en.append(lead.en.format(desk=desk.name.en if desk else ""))
        zh.append(lead.zh.format(desk=desk.name.zh if desk else ""))
    if (level := call.missing) is not None:
        en.append(MISSING.en.format(level=level.en))
        zh.append(MISSING.zh.format(level=level.zh))
    return {"en": " ".join(en), "zh": "".join(zh)}


def _place(case: Case, areas: Mapping[str, Text]) -> tuple[str, str]:
    """The smallest area with a name and its district; codes where there are no names."""
    where = case.where
    codes = [code for code in (where.district, where.street, where.neighbourhood) if code]
    named = [areas[code] for code in codes if code in areas]
    if named:
        return ", ".join(text.en for text in reversed(named)), "".join(text.zh for text in named)
    return ", ".join(reversed(codes)), " ".join(codes)


def _bare(text: str) -> str:
    return text.rstrip(" .。")


def messages_of(notices: Iterable[Notice]) -> list[Message]:
    """Notices as the stage tells them."""
    return [
        Message("notice", notice.id.encode(), msgspec.json.encode(notice)) for notice in notices
    ]
