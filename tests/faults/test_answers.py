"""The command of a duty officer, typed, against the real desk stage on a real broker."""

import asyncio
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from tests.testkit.desk.alarms import alarm, alarm_id
from tests.testkit.desk.city import DeskCity, desk_city
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN, WorkerProcess

ROOT = alarm_id(0)
INCIDENT = "i" + ROOT[1:]
LEAST = 12


def stage_of(city: DeskCity) -> WorkerProcess:
    """`tocsin run --desk`; not started yet."""
    process = WorkerProcess(
        ["--desk", *_places(city)], free_ports(1)[0], city.folder / "desk.log", instance="desk"
    )
    city.processes.append(process)
    return process


def _places(city: DeskCity) -> list[str]:
    bootstrap = city.configuration.settings.kafka.bootstrap
    return ["--configs", str(city.folder / "configs"), "--bootstrap", bootstrap]


async def typed(city: DeskCity, *words: str) -> tuple[int, str]:
    """Exit code and output of `tocsin alarms ...`."""
    command = [TOCSIN, "alarms", *words, "--by", "li.wei", *_places(city)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


async def viewed(city: DeskCity, *words: str) -> str:
    """Output of `tocsin alarms list` and `show`."""
    command = [TOCSIN, "alarms", *words, *_places(city)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


async def newest(city: DeskCity) -> Incident:
    """The last revision of the incident."""
    bodies = [m.body for m in await city.told("incident") if m.key == INCIDENT.encode()]
    return msgspec.json.decode(bodies[-1], type=Incident)


async def revisions(city: DeskCity) -> list[int]:
    """Of the incident, in the order in which they were told."""
    bodies = [m.body for m in await city.told("incident") if m.key == INCIDENT.encode()]
    return [msgspec.json.decode(body, type=Incident).revision for body in bodies]


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.timeout(240)
async def test_an_officer_answers_and_a_killed_stage_forgets_nothing(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with desk_city(tmp_path, kafka.bootstrap, kafka.unique("answers")) as city:
        stage = stage_of(city)
        stage.start()
        now_s = int(time.time())
        await city.ring(0, alarm(0, now_s, colour="orange"))
        await city.ring(1, *(alarm(n, now_s, colour="yellow") for n in range(1, LEAST)))

        async def all_current() -> bool:
            return len(await city.told("current")) >= LEAST

        await city.until(all_current, 90)
        notices = [msgspec.json.decode(m.body, type=Notice) for m in await city.told("notice")]
        assert (INCIDENT, "new", None) in [(n.incident, n.reason, n.withheld) for n in notices]
        assert INCIDENT in (await viewed(city, "list")).splitlines()[0]
        code, said = await typed(city, "ack", INCIDENT, "--reason", "seen")
        assert code == 0, said
        assert (await newest(city)).ticket.acknowledged
        stage.kill()
        stage.start()
        code, said = await typed(city, "dispatch", INCIDENT)
        assert code == 0, said
        after = await newest(city)
        assert after.ticket.state == "dispatched"
        assert [step.what for step in after.ticket.history] == [
            "registered",
            "acknowledged",
            "dispatched",
        ]
        assert await revisions(city) == list(range(1, after.revision + 1))
        assert "li.wei: dispatched" in await viewed(city, "show", INCIDENT)
        last = {m.key: m.body for m in await city.told("current")}
        root = msgspec.json.decode(last[ROOT.encode()], type=CurrentAlarm)
        assert (root.answer.state, root.answer.by) == ("acknowledged", "li.wei")
        code, said = await typed(city, "ack", "a-0123456789abcdef")
        assert (code != 0, "expected an alarm that is known" in said) == (True, True)
        assert await stage.finish(30) == 0
