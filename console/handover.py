"""The sheet that one shift leaves to the next, in both languages."""

from collections.abc import Sequence

from contracts.ports.console import Line


def handover(lines: Sequence[Line], shelvings: int) -> dict[str, str]:
    """What is open, who has it, and how much is shelved; one incident a line."""
    waiting = sum(not line.acknowledged for line in lines)
    en = [f"{len(lines)} open incidents, {waiting} unacknowledged; {shelvings} channels shelved."]
    zh = [f"未结事件 {len(lines)} 起，未确认 {waiting} 起；搁置通道 {shelvings} 个。"]
    for line in lines:
        owner = line.owner or "nobody"
        drill = "drill, " if line.drill else ""
        state = f"{drill}{line.ticket_state}, {owner}"
        en.append(f"- {line.colour}: {line.title['en']} ({state}) {line.id}")
        owner = line.owner or "无人"
        drill = "演练，" if line.drill else ""
        state = f"{drill}{line.ticket_state}，{owner}"
        zh.append(f"- {line.colour}：{line.title['zh']}（{state}）{line.id}")
    return {"en": "\n".join(en), "zh": "\n".join(zh)}
