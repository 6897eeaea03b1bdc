"""The alarm of a lane that stands: nobody watches its channels until somebody acts."""

from datetime import timezone
from typing import Final, NamedTuple

import msgspec

from alarms.book import alarm_id
from alarms.figures import lasted
from alarms.wording import clock
from contracts.alarm import Alarm, Evidence, OwnedBy, RespondTo, RungBy, encode_alarm
from contracts.catalogue import Where
from contracts.errors import BrokersAway, DataLoss, Hidden, SetAside, TocsinError
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_MS

WITHIN_NS: Final = 15 * 60 * 1_000_000_000
NOWHERE: Final = Where("", "", "", "", None, None)
ZH: Final = {"readings": "读数", "journal entries": "日志条目", "alarms": "告警记录"}
NOT_WATCHED: Final = "the channels of this lane are not watched"
UNHEARD: Final = "what is shelved, shown, accepted or promoted on this lane waits until it ends"
PASSED_OVER: Final = "the readings of this message are not scored, all others are"
STEPS: Final = [
    "call the engineer on duty for the pipeline",
    "watch this lane's channels by other means",
    "find the cause in the worker's log, then follow docs/standing.md",
]


WAS_BLIND: Final = "the channels of this lane were not watched meanwhile"
# The brokers as an asset, so that the alarms of all lanes that one outage struck are one incident.
BROKERS: Final = ("tocsin", "brokers")


class StoppedLane(NamedTuple):
    """A lane, as its alarm names it: `topic` is its telemetry's, `commands` its commands'."""

    lifeline: str
    lane: str
    topic: str
    partition: int
    zone: timezone
    commands: str = ""


def lane_stopped_alarm(place: StoppedLane, error: TocsinError, now_ms: int) -> Message:
    """Alarm of a lane that cannot go on; one for each cause, whoever finds it how often.

    It is no output of the lane, so neither its count nor a replay has it. Rule `data_loss` when
    something is gone or was passed over, with the exact offsets as evidence; `hidden` when an open
    transaction hides readings, `hidden_commands` when it hides commands; `outage` when no broker
    answered for long, which is over; `diverged` when a replay told something else.

    Parameters
    ----------
    place : StoppedLane
    error : TocsinError
    now_ms : int
        Wall clock, milliseconds since 1970 UTC.
    """
    rule, cause = _rule_of(error)
    deaf = _is_deaf(error)
    goes_on = deaf or isinstance(error, SetAside)
    consequence = UNHEARD if deaf else PASSED_OVER if goes_on else NOT_WATCHED
    channel = f"tocsin.{place.lane}"
    now = clock(now_ms * NS_PER_MS, place.zone)
    by = clock(now_ms * NS_PER_MS + WITHIN_NS, place.zone)
    alarm = Alarm(
        id=alarm_id(f"tocsin/{rule}", f"{channel} {cause}", 0),
        revision=1,
        state="active",
        colour="orange" if goes_on else "red",
        was="clear",
        lifeline=place.lifeline,
        channel=channel,
        group=channel,
        onset=now,
        detected=now,
        say=_said(place.lane, error),
        observed=None,
        expected=None,
        band=None,
        unit="",
        next=None,
        where=NOWHERE,
        criticality="high",
        evidence=_evidence(channel, place, error),
        cause=str(error),
        consequence=consequence,
        respond=RespondTo("T-1", STEPS),
        owner=OwnedBy("city", "engineer on duty for the pipeline", by, "city"),
        rule=RungBy(rule, "built in", "[E] project default", ""),
    )
    if isinstance(error, BrokersAway):
        alarm = _of_the_brokers(alarm, clock(error.began_ms * NS_PER_MS, place.zone))
    return Message("alarm", alarm.id.encode(), encode_alarm(alarm))


def _rule_of(error: TocsinError) -> tuple[str, str]:
    """Rule that rings, and what tells its causes apart."""
    if isinstance(error, DataLoss):
        return "data_loss", f"data_loss {error.where} {error.what} {error.needed}"
    if isinstance(error, Hidden):
        rule = "hidden_commands" if _is_deaf(error) else "hidden"
        return rule, f"{rule} {error.first}"
    if isinstance(error, BrokersAway):
        return "outage", f"outage {error.began_ms}"
    return "diverged", "diverged"


def _is_deaf(error: TocsinError) -> bool:
    """Whether a lane that scores its readings hears no commands."""
    return isinstance(error, Hidden) and error.what == "commands"


def _of_the_brokers(alarm: Alarm, onset: str) -> Alarm:
    """What a lane tells of the brokers that all lanes share; it goes on."""
    lifeline, asset = BROKERS
    return msgspec.structs.replace(
        alarm, colour="orange", lifeline=lifeline, asset=asset, onset=onset, consequence=WAS_BLIND
    )


def _evidence(channel: str, place: StoppedLane, error: TocsinError) -> list[Evidence]:
    """What is gone or hidden, in the topic where it lies."""
    if isinstance(error, Hidden):
        topic = place.commands if _is_deaf(error) else place.topic
        return [Evidence(channel, topic, place.partition, error.first, error.end - 1)]
    if not isinstance(error, DataLoss) or (isinstance(error, SetAside) and error.entry):
        return []
    own_topic, bracket, _ = error.where.partition("[")
    topic = own_topic if bracket else place.topic
    return [Evidence(channel, topic, place.partition, error.first, error.last)]


def _said_aside(lane: str, error: SetAside) -> dict[str, str]:
    if error.entry:
        return {
            "en": f"Lane {lane} passed over the entry at offset {error.first} of its journal, "
            "which it cannot carry out and may not have written. All channels are watched; call "
            "the engineer of the pipeline.",
            "zh": f"处理通道 {lane} 已跳过日志偏移量 {error.first} 处无法执行的条目，"
            "该条目可能并非系统写入；测点监测正常，请通知系统值班工程师。",
        }
    return {
        "en": f"Lane {lane} passed over the message at offset {error.first}: it cannot be "
        "judged. All others are watched; call the engineer of the pipeline.",
        "zh": f"处理通道 {lane} 已跳过偏移量 {error.first} 处无法处理的消息，"
        "其余测点监测正常，请通知系统值班工程师。",
    }


def _said(lane: str, error: TocsinError) -> dict[str, str]:
    if isinstance(error, SetAside):
        return _said_aside(lane, error)
    if isinstance(error, DataLoss):
        range_, what = f"{error.first} to {error.last}", ZH.get(error.what, "记录")
        return {
            "en": f"Lane {lane} stands: {error.what} {range_} are lost. Its channels are not "
            "watched; call the engineer of the pipeline.",
            "zh": f"处理通道 {lane} 已停止：{what}（偏移量 {error.first} 至 {error.last}）丢失，"
            "所属测点目前失去监测，请立即通知系统值班工程师。",
        }
    if isinstance(error, Hidden):
        return _said_of_hidden(lane, error)
    if isinstance(error, BrokersAway):
        blind_ns = (error.ended_ms - error.began_ms) * NS_PER_MS
        en, zh = (lasted(blind_ns, language) for language in ("en", "zh"))
        return {
            "en": f"Lane {lane} heard no broker for {en}: its channels were not watched meanwhile. "
            "What was buffered is read now; look at the brokers and the network.",
            "zh": f"处理通道 {lane} 与消息服务器失联 {zh}，期间所属测点失去监测；"
            "缓存数据正在补读，请检查消息服务器和网络。",
        }
    return {
        "en": f"Lane {lane} stands: what it found does not fit what it had told. "
        "Its channels are not watched; call the engineer of the pipeline.",
        "zh": f"处理通道 {lane} 已停止：现有数据或配置与已发布告警不一致，"
        "所属测点目前失去监测，请立即通知系统值班工程师。",
    }


def _said_of_hidden(lane: str, error: Hidden) -> dict[str, str]:
    if _is_deaf(error):
        return {
            "en": f"Lane {lane} hears no commands: an open transaction hides them. Its channels "
            "are watched, but nothing is shelved or shown meanwhile; call the engineer of the "
            "pipeline.",
            "zh": f"处理通道 {lane} 收不到指令：指令被未结束的事务阻挡。所属测点监测正常，"
            "但屏蔽与解除屏蔽暂不生效，请通知系统值班工程师。",
        }
    return {
        "en": f"Lane {lane} stands: an open transaction hides its readings from offset "
        f"{error.first} on. Its channels are not watched; call the engineer of the pipeline.",
        "zh": f"处理通道 {lane} 已停止：偏移量 {error.first} 之后的读数被未结束的事务阻挡，"
        "所属测点目前失去监测，请立即通知系统值班工程师。",
    }
