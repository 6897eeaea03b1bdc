"""The notice of a desk stage that stands: nobody is told of alarms until somebody acts."""

import hashlib
from datetime import timezone
from typing import Final

import msgspec

from alarms.wording import clock
from contracts.desk.notice import Notice
from contracts.errors import DataLoss, TocsinError
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_MS

ZH: Final = {"alarms": "告警记录", "journal entries": "日志条目"}


def desk_stopped_notice(stage: str, error: TocsinError, now_ms: int, zone: timezone) -> Message:
    """Notice to the city's desk; one for each cause, whoever finds it how often.

    It is no output of the stage, so neither its count nor a replay has it, and it belongs to no
    incident.

    Parameters
    ----------
    stage : str
        Its name as a lane.
    error : TocsinError
    now_ms : int
        Wall clock, milliseconds since 1970 UTC.
    zone : timezone
        The city's.
    """
    cause = "diverged"
    if isinstance(error, DataLoss):
        cause = f"data_loss {error.where} {error.what} {error.needed}"
    digest = hashlib.blake2b(f"{stage} {cause}".encode(), digest_size=8).hexdigest()
    notice = Notice(
        id=f"n-{digest}",
        incident="",
        alarm="",
        revision=0,
        desk="city",
        level="city",
        to=[],
        reason="new",
        colour="red",
        at=clock(now_ms * NS_PER_MS, zone),
        text=_said(error),
    )
    return Message("notice", notice.id.encode(), msgspec.json.encode(notice))


def _said(error: TocsinError) -> dict[str, str]:
    if isinstance(error, DataLoss):
        what = ZH.get(error.what, "记录")
        return {
            "en": f"The desk stage stands: {error.what} {error.first} to {error.last} of "
            f"{error.where} are lost. Alarms still ring on their topics, but nobody is told of "
            "them here; call the engineer of the pipeline.",
            "zh": f"值班处置环节已停止：{error.where} 的{what}（偏移量 {error.first} 至 "
            f"{error.last}）丢失。告警仍在各自主题上发布，但此处不再通知，请立即通知系统值班工程师。",
        }
    return {
        "en": "The desk stage stands: what it found does not fit what it had told. Alarms still "
        "ring on their topics, but nobody is told of them here; call the engineer of the pipeline.",
        "zh": "值班处置环节已停止：现有数据或配置与已发布内容不一致。告警仍在各自主题上发布，"
        "但此处不再通知，请立即通知系统值班工程师。",
    }
