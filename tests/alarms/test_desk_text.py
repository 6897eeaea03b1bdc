"""What a duty officer reads on a terminal of an incident and of an alarm."""

from alarms.desk_text import line, whole
from contracts.desk.commands import Acknowledge
from tests.alarms.incidents.cities import Rings
from tests.alarms.test_desk import currents, desk, incidents, said


def test_an_incident_and_its_alarm_are_told_in_lines() -> None:
    ring, stage = Rings(), desk()
    told = stage.take(ring("power.f7", colour="orange"))
    (incident,), (current,) = incidents(told), currents(told)
    assert line(incident).startswith(f"orange {incident.id} registered, nobody has it, 1 of 1")
    assert line(current) == f"orange {current.alarm.id} unacknowledged: power.f7 rings"
    (incident, *_) = incidents(stage.obey(said(Acknowledge, incident.id, reason="seen")))
    lines = list(whole(incident))
    assert "acknowledged, 1 of 1 active" in lines[0]
    assert lines[1] == f"  {incident.situation.title['zh']}"
    assert lines[-1].endswith("li.wei: acknowledged seen")
    assert any(current.alarm.id in text for text in lines)
    assert f"incident {incident.id}" in "\n".join(whole(current))
