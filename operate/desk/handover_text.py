"""Words of the handover sheet, in both languages."""

from typing import Final

from alarms.rationalisation import Text

TITLE: Final = Text(
    en="Handover of {desk}, {begins} to {ends}", zh="{desk}交接班单，{begins} 至 {ends}"
)
OPEN: Final = Text(en="Open incidents", zh="未结事件")
OPEN_HEAD: Final = Text(
    en="incident|colour|state|owner|clock|next step|what",
    zh="事件|级别|状态|责任人|时限|下一步|内容",
)
CLOSED: Final = Text(en="Closed in this shift", zh="本班办结事件")
CLOSED_HEAD: Final = Text(en="incident|verdict|closed by|at|what", zh="事件|结论|办结人|时间|内容")
SHELVED: Final = Text(en="Shelved channels", zh="搁置中的测点")
SHELVED_HEAD: Final = Text(en="channel|until|by|reason", zh="测点|截止时间|操作人|原因")
WITHHELD: Final = Text(en="Withheld in this shift", zh="本班未下发的通知")
WITHHELD_HEAD: Final = Text(en="reason|notices", zh="原因|条数")
LOAD: Final = Text(en="Load of this shift", zh="本班告警负荷")
DRILLS: Final = Text(en="Drills", zh="演练")
LEDGER: Final = Text(en="Ledger checkpoint", zh="存证校验点")
NONE: Final = Text(en="None.", zh="无。")
NOBODY: Final = Text(en="nobody", zh="无人认领")
BY: Final = Text(en="acknowledge by {at}, then {then}", zh="须于 {at} 前确认，逾期升级至 {then}")
RAN_OUT: Final = Text(en="ran out {at}", zh="已于 {at} 超时")
DUE: Final = Text(en="{state} is due to end {at}", zh="“{state}”应于 {at} 前完成")
ACKNOWLEDGE: Final = Text(en="acknowledge it", zh="确认事件")
ASSIGN: Final = Text(en="name an owner", zh="指定责任人")
CLOSE: Final = Text(en="have it checked by another person, and close it", zh="由他人复核后办结")
GO_ON: Final = Text(en="move it on from {state}", zh="推进处置，当前为“{state}”")
RATES: Final = Text(
    en="{notices} notices, {mean:.2f} in ten minutes; at most {peak} in ten minutes, "
    "{floods} floods.",
    zh="通知 {notices} 条，平均每十分钟 {mean:.2f} 条；十分钟最多 {peak} 条，"
    "告警泛滥 {floods} 次。",
)
ANSWERS: Final = Text(
    en="{asked} calls, {answered} answered, {in_time} of them in time.",
    zh="须确认 {asked} 次，已确认 {answered} 次，其中按时 {in_time} 次。",
)
NUISANCE: Final = Text(
    en="Chattering {chattering}, fleeting {fleeting}, stale {stale}.",
    zh="反复告警 {chattering} 个，瞬时告警 {fleeting} 个，滞留告警 {stale} 个。",
)
REASONS_ZH: Final = {
    "shelved": "人工搁置",
    "inhibited": "已由相关事件涵盖",
    "duplicate": "重复",
    "chattering": "反复告警",
    "fleeting": "瞬时告警",
    "budget": "超出负荷上限",
    "off duty": "无人值班",
    "drill": "演练",
    "maintenance": "检修",
    "daily list": "列入每日清单",
}
COLOURS_ZH: Final = {"blue": "蓝", "yellow": "黄", "orange": "橙", "red": "红", "clear": "已恢复"}
STATES_ZH: Final = {
    "registered": "已登记",
    "verified": "已核实",
    "dispatched": "已派遣",
    "on site": "到场处置",
    "contained": "已控制",
    "fed back": "已反馈",
    "checked": "已复核",
    "closed": "已办结",
    "returned": "已退回",
    "parked": "已挂起",
    "extended": "已延期",
}
VERDICTS_ZH: Final = {
    "true": "属实",
    "false": "误报",
    "test": "测试",
    "maintenance": "检修",
    "duplicate": "重复",
    "unknown": "不明",
}
