"""Whoever looks at the demo can answer its feeder loss."""

import asyncio
import re
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.app.demo.test_demo import demo

SAID = re.compile(r"console on (?P<url>\S+) for '(?P<user>\w+)' with the password '(?P<word>\S+)'")
LOOK_S = 0.1
PLAYED_MS = 60_000  # longer than any of its rules waits


async def got(browser: aiohttp.ClientSession, path: str) -> Any:
    """JSON; a history that is just being made is asked again."""
    while True:
        async with browser.get(path) as answer:
            if answer.status == 200:
                return await answer.json()
        await asyncio.sleep(LOOK_S)


async def readings_behind(browser: aiohttp.ClientSession, page: dict[str, Any]) -> dict[str, Any]:
    """What lies in the log around the first measured alarm of an incident.

    The console's clock is that of the lane which is furthest behind: it may yet have to come to the
    reading that rang. While the city plays, a busy machine may not read all in the time for a look.
    """
    told = next(one["alarm"] for one in page["alarms"] if one["alarm"]["observed"] is not None)
    at = int(datetime.fromisoformat(told["onset"]).timestamp() * 1000)
    path = f"/api/readings/{told['lifeline']}/{told['channel']}?minutes=60&at={at}"
    found: dict[str, Any] = {"cut": True}
    while found["cut"] or found["end_ms"] < at + PLAYED_MS:
        await asyncio.sleep(LOOK_S)
        found = await got(browser, path)
    return found | {"observed": told["observed"]}


async def answer_first_incident(said: re.Match[str]) -> dict[str, Any]:
    """Sign in, acknowledge the first incident, and wait until it is told so."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(said["url"], cookie_jar=jar) as browser:
        person = {"user": said["user"], "password": said["word"]}
        async with browser.post("/api/session", json=person) as answer:
            assert answer.status == 200
            assert "Mar 2026" in answer.headers["Date"], "the clock of what is played"
            csrf = (await answer.json())["csrf"]
        while not (  # noqa: ASYNC110 - another process tells nobody here
            lines := (await got(browser, "/api/incidents"))["incidents"]
        ):
            await asyncio.sleep(LOOK_S)
        command = {"id": "seen-by-a-person", "kind": "acknowledge", "target": lines[0]["id"]}
        async with browser.post("/api/commands", json=command, headers={"X-Csrf": csrf}) as answer:
            assert answer.status == 202, await answer.text()
        while True:
            page = await got(browser, f"/api/incidents/{lines[0]['id']}")
            if page["line"]["acknowledged"]:
                line: dict[str, Any] = page["line"]
                return line | {"readings": await readings_behind(browser, page)}
            await asyncio.sleep(LOOK_S)


@pytest.mark.slow
@pytest.mark.long
async def test_a_person_answers_the_demo_which_ends_when_it_is_interrupted(tmp_path: Path) -> None:
    with demo(tmp_path, 0) as process:
        try:
            assert process.stdout is not None
            while (said := SAID.match(await asyncio.to_thread(process.stdout.readline))) is None:
                assert process.poll() is None
            line = await answer_first_incident(said)
            assert line["acknowledged_by"] == said["user"]
            assert line["readings"]["observed"] in line["readings"]["values"], line["readings"]
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.to_thread(process.communicate, timeout=120)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")
    assert "interrupted" in out
