"""Why a desk was not told, as a sentence for whoever asks."""

from typing import Final

from alarms.rationalisation import Text
from contracts.desk.notice import Notice

_BECAUSE: Final[dict[str, Text]] = {
    "shelved": Text(en="channel {detail} was shelved by a person", zh="测点 {detail} 已被人工搁置"),
    "maintenance": Text(
        en="its assets are under work order {detail}", zh="相关设施正按检修单 {detail} 检修"
    ),
    "duplicate": Text(
        en="{detail} of the same asset and fault is open and was told already",
        zh="同一设施、同一故障的 {detail} 尚未结束，此前已通知",
    ),
    "inhibited": Text(
        en="incident {detail} explains it and was told", zh="可由已通知的事件 {detail} 解释"
    ),
    "chattering": Text(en="it kept coming and going", zh="告警反复出现和恢复"),
    "fleeting": Text(en="it was over before anybody could answer", zh="告警在有人确认之前已经恢复"),
    "budget": Text(
        en="the desk had been told as much as it can bear; the next summary counts it",
        zh="本席位通知已达负荷上限，将计入下一次汇总",
    ),
    "off duty": Text(
        en="nobody was on duty at {detail}; the desk above was told",
        zh="{detail} 当时无人值班，已通知上级席位",
    ),
    "drill": Text(
        en="a drill is on, and the desk would only have been informed",
        zh="正在演练，本席位仅需知悉",
    ),
    "daily list": Text(en="it waits for the desk's daily list", zh="列入本席位每日清单"),
}
_OTHER: Final = Text(en="{by} {detail}", zh="{by} {detail}")
_UNTIL: Final = Text(en=", until {until}", zh="，至 {until}")


def why_withheld(notice: Notice) -> dict[str, str]:
    """Sentences, in both languages, that say why a desk was not told of something.

    Parameters
    ----------
    notice : Notice
        One that was withheld.
    """
    assert notice.withheld is not None, "only what was withheld has a reason"
    held = notice.withheld
    because = _BECAUSE.get(held.by, _OTHER)
    until = held.until[:16].replace("T", " ")
    words = {"by": held.by, "detail": held.detail, "until": until}
    en, zh = because.en.format(**words), because.zh.format(**words)
    if until:
        en, zh = en + _UNTIL.en.format(**words), zh + _UNTIL.zh.format(**words)
    about = {tongue: notice.text[tongue].rstrip(" .。") for tongue in ("en", "zh")}
    return {
        "en": f"{notice.desk} was not told “{about['en']}” because {en}.",
        "zh": f"未通知 {notice.desk}“{about['zh']}”，原因：{zh}。",
    }
