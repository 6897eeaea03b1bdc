"""The sentence of every finding, in English and in the words of a Chinese control room."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Told(NamedTuple):
    """How a finding is told: by name when it is over, by a sentence when it rings."""

    title_zh: str
    en: str
    zh: str


_USUAL: Final = "expected {low} to {high:unit}"
_USUAL_ZH: Final = "正常范围 {low} 至 {high:unit}"

# By `<kind>.<finding>`, or by kind where it has one finding.
FINDINGS: Final[Mapping[str, Told]] = {
    "limit.high": Told(
        "越上限告警",
        "{quantity} {observed:unit}, above {threshold:unit}",
        "{quantity} {observed:unit}，高于 {threshold:unit}",
    ),
    "limit.low": Told(
        "越下限告警",
        "{quantity} {observed:unit}, below {threshold:unit}",
        "{quantity} {observed:unit}，低于 {threshold:unit}",
    ),
    "unusual.high": Told(
        "异常偏高告警",
        "{quantity} {observed:unit}, unusually high: " + _USUAL,
        "{quantity} {observed:unit}，异常偏高，" + _USUAL_ZH,
    ),
    "unusual.low": Told(
        "异常偏低告警",
        "{quantity} {observed:unit}, unusually low: " + _USUAL,
        "{quantity} {observed:unit}，异常偏低，" + _USUAL_ZH,
    ),
    "seasonal.high": Told(
        "偏离常态告警",
        "{quantity} {observed:unit}, above the {expected:unit} usual at this time",
        "{quantity} {observed:unit}，高于同时段常值 {expected:unit}",
    ),
    "seasonal.low": Told(
        "偏离常态告警",
        "{quantity} {observed:unit}, below the {expected:unit} usual at this time",
        "{quantity} {observed:unit}，低于同时段常值 {expected:unit}",
    ),
    "departure.high": Told(
        "均值偏高告警",
        "{quantity} at {observed:unit} on average of late, above its long-term {expected:unit}",
        "{quantity}近期均值 {observed:unit}，高于长期均值 {expected:unit}",
    ),
    "departure.low": Told(
        "均值偏低告警",
        "{quantity} at {observed:unit} on average of late, below its long-term {expected:unit}",
        "{quantity}近期均值 {observed:unit}，低于长期均值 {expected:unit}",
    ),
    "shift.high": Told(
        "持续偏高告警",
        "{quantity} too high by little, but persistently: last {observed:unit}, "
        "usually {expected:unit}",
        "{quantity}长时间小幅偏高，最近为 {observed:unit}，常值 {expected:unit}",
    ),
    "shift.low": Told(
        "持续偏低告警",
        "{quantity} too low by little, but persistently: last {observed:unit}, "
        "usually {expected:unit}",
        "{quantity}长时间小幅偏低，最近为 {observed:unit}，常值 {expected:unit}",
    ),
    "drift.high": Told(
        "均值上漂告警",
        "{quantity} has drifted upwards: last {observed:unit}, before {expected:unit} on average",
        "{quantity}向上漂移，最近为 {observed:unit}，此前均值 {expected:unit}",
    ),
    "drift.low": Told(
        "均值下漂告警",
        "{quantity} has drifted downwards: last {observed:unit}, before {expected:unit} on average",
        "{quantity}向下漂移，最近为 {observed:unit}，此前均值 {expected:unit}",
    ),
    "regress.high": Told(
        "与相关量不符告警",
        "{quantity} {observed:unit}, above the {expected:unit} that its companions explain",
        "{quantity} {observed:unit}，高于按相关测点推算的 {expected:unit}",
    ),
    "regress.low": Told(
        "与相关量不符告警",
        "{quantity} {observed:unit}, below the {expected:unit} that its companions explain",
        "{quantity} {observed:unit}，低于按相关测点推算的 {expected:unit}",
    ),
    "consensus.high": Told(
        "与邻点不一致告警",
        "{quantity} {observed:unit}, above the {expected:unit} that its neighbours suggest",
        "{quantity} {observed:unit}，高于按邻近测点推算的 {expected:unit}",
    ),
    "consensus.low": Told(
        "与邻点不一致告警",
        "{quantity} {observed:unit}, below the {expected:unit} that its neighbours suggest",
        "{quantity} {observed:unit}，低于按邻近测点推算的 {expected:unit}",
    ),
    "balance.high": Told(
        "平衡偏差告警",
        "the balance is out by {observed:size} too much, {score:plain} times its tolerance",
        "收支不平衡，多出 {observed:size}，为允许误差的 {score:plain} 倍",
    ),
    "balance.low": Told(
        "平衡偏差告警",
        "the balance is out by {observed:size} too little, {score:plain} times its tolerance",
        "收支不平衡，少了 {observed:size}，为允许误差的 {score:plain} 倍",
    ),
    "total.high": Told(
        "累计越上限告警",
        "{quantity} {observed:sum} in {over} together, above {threshold:sum}",
        "{quantity} {over}累计 {observed:sum}，高于 {threshold:sum}",
    ),
    "total.low": Told(
        "累计越下限告警",
        "{quantity} {observed:sum} in {over} together, below {threshold:sum}",
        "{quantity} {over}累计 {observed:sum}，低于 {threshold:sum}",
    ),
    "rolling_sum.sum": Told(
        "时段累计超限告警",
        "{quantity} {observed:sum} in the last {within:span}, above {threshold:sum}",
        "{quantity}近 {within:span}累计 {observed:sum}，高于 {threshold:sum}",
    ),
    "rolling_sum.amount": Told(
        "时段累计超限告警",
        "{quantity} adds up to {observed:hours} in the last {within:span}, above {threshold:hours}",
        "{quantity}近 {within:span}累计 {observed:hours}，高于 {threshold:hours}",
    ),
    "rolling_sum.dose": Told(
        "超限累计量告警",
        "{quantity} beyond {bound:unit} by {observed:minutes} in the last {within:span}, above "
        "{threshold:minutes}",
        "{quantity}近 {within:span}越过 {bound:unit} 的累计量 {observed:minutes}，"
        "高于 {threshold:minutes}",
    ),
    "rolling_sum.time": Told(
        "累计超限时长告警",
        "{quantity} was beyond {bound:unit} for {observed:span} of the last {within:span}, longer "
        "than {threshold:span}",
        "{quantity}近 {within:span}内越过 {bound:unit} 共 {observed:span}，超过 {threshold:span}",
    ),
    "fall": Told(
        "骤降告警",
        "{quantity} fell by {score:size} in {over}, now {observed:unit}",
        "{quantity} {over}内下降 {score:size}，现为 {observed:unit}",
    ),
    "rise": Told(
        "骤升告警",
        "{quantity} rose by {score:size} in {over}, now {observed:unit}",
        "{quantity} {over}内上升 {score:size}，现为 {observed:unit}",
    ),
    "stuck": Told(
        "数据不变告警",
        "{quantity} stands at {observed:unit} for {score:plain} readings",
        "{quantity}连续 {score:plain} 次读数停在 {observed:unit}",
    ),
    "frozen": Told(
        "数据不变告警",
        "{quantity} has stood at {observed:unit} for {after} or longer",
        "{quantity}停在 {observed:unit} 已达 {after}以上",
    ),
    "silent": Told(
        "数据中断告警",
        "no reading for {lasted}",
        "已 {lasted}无数据",
    ),
    # Of a link, not of a channel: `alarms.blind_links` fills it in.
    "observability": Told(
        "监测中断告警",
        "{silent} of its {channels} {lifeline} channels fell silent within 3 min{blind}. "
        "Probably the link or its power",
        "所属 {channels} 个{lifeline}测点中 {silent} 个在 3 分钟内相继中断{blind}。"
        "可能为通信链路或其供电故障",
    ),
    "invalid": Told(
        "数据无效告警",
        "readings arrive, but none has been valid for {lasted}",
        "数据持续上传，但已 {lasted}无有效值",
    ),
    "missing": Told(
        "数据缺失告警",
        "only {score:percent} of the readings due in {over} arrived, less than {threshold:percent}",
        "{over}内数据到报率仅 {score:percent}，低于 {threshold:percent}",
    ),
    "repeated": Told(
        "重复上报告警",
        "{score:percent} of the readings in {over} were repeats, more than {threshold:percent}",
        "{over}内重复数据占 {score:percent}，高于 {threshold:percent}",
    ),
    "late": Told(
        "数据迟到告警",
        "{score:percent} of the readings in {over} came after newer ones, "
        "more than {threshold:percent}",
        "{over}内迟到数据占 {score:percent}，高于 {threshold:percent}",
    ),
    "unit_change": Told(
        "量程或单位变更告警",
        "{quantity} {observed:unit}, {score:plain} times its usual {expected:unit}",
        "{quantity} {observed:unit}，为常值 {expected:unit} 的 {score:plain} 倍",
    ),
    "multivariate": Told(
        "与其他测点不符告警",
        "{quantity} {observed:unit} does not fit the other channels, which suggest {expected:unit}",
        "{quantity} {observed:unit}，与其他测点不符，按其推算应为 {expected:unit}",
    ),
    "isolation": Told(
        "组合异常告警",
        "{quantity} {observed:unit}, in a combination of values that is seldom seen here",
        "{quantity} {observed:unit}，各测点数值组合罕见",
    ),
    "novelty": Told(
        "走势异常告警",
        "{quantity} {observed:unit}, behaving unlike anything seen here before",
        "{quantity} {observed:unit}，走势前所未见",
    ),
    "discord": Told(
        "走势异常告警",
        "{quantity} {observed:unit}, with a course unlike those before",
        "{quantity} {observed:unit}，走势与以往不符",
    ),
    "spectrum": Told(
        "振荡告警",
        "{quantity} oscillates by {observed:unit} rms, usually {expected:unit}",
        "{quantity}振荡有效值 {observed:unit}，平时为 {expected:unit}",
    ),
    "river": Told(
        "模型判异告警",
        "{quantity} {observed:unit}, out of the ordinary by its model (score {score:plain})",
        "{quantity} {observed:unit}，模型判为异常（得分 {score:plain}）",
    ),
    "joint": Told(
        "综合告警",
        "{observed:plain} of the findings it watches are there at once",
        "{observed:plain} 项相关异常同时出现",
    ),
    "sequence.order": Told(
        "状态异常变化告警",
        "{quantity} {expected}, then {observed}",
        "{quantity}由{expected}变为{observed}",
    ),
    "sequence.entered": Told(
        "状态异常变化告警",
        "{quantity} {observed}, which may not follow what was before",
        "{quantity}异常变为{observed}",
    ),
    "sequence.unknown": Told(
        "状态码无效告警",
        "{quantity} sends {observed:plain}, a code that means no state",
        "{quantity}上报的状态码 {observed:plain} 无定义",
    ),
    "sequence.stuck": Told(
        "状态超时告警",
        "{quantity} {observed} for {score:span}, longer than {threshold:span}",
        "{quantity}处于{observed}状态已 {score:span}，超过 {threshold:span}",
    ),
    "sequence.overdue": Told(
        "状态超时告警",
        "{quantity} was {expected} for {score:span}, longer than {threshold:span}; now {observed}",
        "{quantity}处于{expected}状态达 {score:span}，超过 {threshold:span}，现为{observed}",
    ),
    "sequence.too_short": Told(
        "状态过短告警",
        "{quantity} was {expected} for only {score:span}, less than {threshold:span}; "
        "now {observed}",
        "{quantity}处于{expected}状态仅 {score:span}，不足 {threshold:span}，现为{observed}",
    ),
    "sequence.repeats": Told(
        "状态频繁变化告警",
        "{quantity} {expected}, then {observed}, more than {threshold:plain} times in "
        "{within:span}",
        "{quantity} {within:span}内由{expected}变为{observed}超过 {threshold:plain} 次",
    ),
    "trend.velocity": Told(
        "变化速率告警",
        "{quantity} changes by {score:unit} a year, now {observed:unit}",
        "{quantity}变化速率为每年 {score:unit}，现为 {observed:unit}",
    ),
    "trend.acceleration": Told(
        "加速变化告警",
        "{quantity} changes faster and faster: over the last 30 days by {score:size} a year more "
        "than over 90, now {observed:unit}",
        "{quantity}加速变化，近 30 天速率比近 90 天每年快 {score:size}，现为 {observed:unit}",
    ),
    "trend.step": Told(
        "突变告警",
        "{quantity} jumped by {score:unit}, now {observed:unit}",
        "{quantity}突变 {score:unit}，现为 {observed:unit}",
    ),
    "trend.failure": Told(
        "临近破坏告警",
        "{quantity} changes faster and faster, now {observed:unit}; by its velocity, failure in "
        "about {left:span}",
        "{quantity}加速变化，现为 {observed:unit}，按速率倒数法推算约 {left:span}后破坏",
    ),
    "trend.velocity_change": Told(
        "速率改变告警",
        "{quantity} moves otherwise than before: its velocity changed by {score:unit} a year, "
        "now {observed:unit}",
        "{quantity}变化速率与此前相比每年改变 {score:unit}，现为 {observed:unit}",
    ),
}
# Of kinds that other packages bring and whose class files say nothing.
OTHER: Final = Told(
    "告警",
    "{quantity} {observed:unit}, noticed by the rule {rule}",
    "{quantity} {observed:unit}，由规则 {rule} 发现",
)
# What is told of the present when an alarm eases or ends, where `observed` is not the quantity.
PRESENT: Final[Mapping[str, tuple[str, str]]] = {
    "balance": ("balance out by {observed:size} now", "现偏差 {observed:size}"),
    "departure": ("{quantity} {observed:unit} on average now", "{quantity}现均值 {observed:unit}"),
    "joint": ("", ""),
    "rolling_sum": ("", ""),
    "spectrum": ("oscillation {observed:unit} rms now", "振荡有效值现为 {observed:unit}"),
    "total": ("{observed:sum} in the last {over}", "最近 {over}累计 {observed:sum}"),
}
PRESENT_VALUE: Final = ("{quantity} {observed:unit} now", "{quantity}现为 {observed:unit}")
PRESENT_STATE: Final = ("{quantity} {observed} now", "{quantity}现为{observed}")
# Columns that models make of a value, and what rules call them.
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "seasonal": ("{quantity} against its usual at this time", "{quantity}与同时段常值之差"),
    "regressed": ("{quantity} against what companions explain", "{quantity}与推算值之差"),
    "consensus": ("{quantity} against its neighbours", "{quantity}与邻点之差"),
    "rolling_sum": ("sum of {quantity}", "{quantity}时段累计值"),
    "total": ("total of {quantity}", "{quantity}累计值"),
    "balance": ("balance", "收支差"),
}
