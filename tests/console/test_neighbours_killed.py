"""Whom the console stands on is killed, one after another: a page left alone tells the truth.

It says who is away and from when what it shows is, shows nothing that it cannot know, takes no
command that would be lost, and comes back by itself with all that rang meanwhile.
"""

import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.errors import KafkaError
from playwright.async_api import Browser, Page, expect

from contracts.civil_time import CITY
from tests.console.conftest import STEP_MS
from tests.console.test_shift import desk, sign_in
from tests.testkit.console.centre import RealCentre, Ring, real_centre
from tests.testkit.kafka.broker import Cluster

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.long,
]

BOUND_MS: Final = 60_000  # for who is away to be named, on a busy machine
OLD_S: Final = 20  # what is shown is no older than this when its source dies
SILENT_MS: Final = 240_000  # three canaries that did not come, and a busy machine
CANARY_S: Final = 60  # a lane's last canary is no older when its worker dies
DAY_S: Final = 86_400
ROUND_S: Final = 1


class Watch:
    """A page that stays open over everything, and those behind it.

    Parameters
    ----------
    centre : RealCentre
    page : Page
    """

    def __init__(self, centre: RealCentre, page: Page) -> None:
        self.centre = centre
        self.page = page
        self.told: list[str] = []

    async def ring(self) -> str:
        """Something happens in the city that has nothing to do with what was before; its words."""
        number = len(self.told) + 1
        asset, said = f"feed-{number:02d}", f"Feed {number} has burst."
        one: Ring = (100 + number, "water", asset, f"water.{asset}.flow", "orange", said)
        await self.centre.ring([one])
        self.told.append(said)
        return said

    def row(self, said: str) -> Any:
        return self.page.locator(".row", has_text=said)

    async def acknowledge(self, said: str) -> None:
        """Press the button of a row, and take the hand from the list, which holds it still."""
        await self.row(said).locator("button.ack").click()
        await self.page.mouse.move(0, 0)

    async def shows(self, said: str) -> None:
        await expect(self.row(said)).to_have_count(1, timeout=BOUND_MS)

    async def is_well(self) -> None:
        """Nothing is said to be away, and commands can be given."""
        await expect(self.page.locator(".health")).to_have_count(0, timeout=2 * BOUND_MS)

    async def says(self, words: str) -> str:
        """Wait until the page names who is away; all that it says of it."""
        health = self.page.locator(".health")
        await expect(health).to_contain_text(words, timeout=BOUND_MS)
        return await health.inner_text()

    async def commanded(self, said: str) -> str:
        """What the server answers to an acknowledgement that the page would not even send."""
        target = await self.row(said).locator("a.what").get_attribute("href")
        answer = await self.page.evaluate(
            """async target => {
                const session = await (await fetch("/api/session")).json();
                const body = {id: crypto.randomUUID(), kind: "acknowledge", target};
                const headers = {"X-Csrf": session.csrf, "Content-Type": "application/json"};
                const init = {method: "POST", headers, body: JSON.stringify(body)};
                return await (await fetch("/api/commands", init)).json();
            }""",
            str(target).rpartition("/")[2],
        )
        return str(answer.get("error", "accepted"))


def assert_from(text: str, died_s: float, old_s: float = OLD_S) -> None:
    """Whether a time that a page says is not behind the death of its source, nor long before."""
    found = re.search(r"(\d\d):(\d\d):(\d\d)", text)
    assert found is not None, text
    hours, minutes, seconds = map(int, found.groups())
    died = datetime.fromtimestamp(died_s, CITY)
    ahead_s = hours * 3600 + minutes * 60 + seconds
    ahead_s -= died.hour * 3600 + died.minute * 60 + died.second
    ahead_s = (ahead_s + DAY_S // 2) % DAY_S - DAY_S // 2  # around midnight
    assert -old_s <= ahead_s <= ROUND_S, f"{text}: {ahead_s} s from the death of its source"


async def without_history(watch: Watch, known: str) -> None:
    """The history dies, something rings, and it comes back."""
    watch.centre.process("history").kill()
    died_s = time.time()
    missed = await watch.ring()
    assert_from(await watch.says("The history is away"), died_s)
    await expect(watch.row(missed)).to_have_count(0)
    await expect(watch.row(known).locator("button.ack")).to_be_disabled()
    assert await watch.commanded(known) == "history_away"
    await watch.centre.again("history")
    await watch.is_well()
    await watch.shows(missed)


async def without_stage(watch: Watch, known: str) -> None:
    """The desk stage dies, is asked for something and rung for, and comes back."""
    watch.centre.process("desk").kill()
    missed = await watch.ring()
    await watch.acknowledge(known)
    await watch.says("The desk stage does not answer")
    await expect(watch.row(missed)).to_have_count(0)
    await expect(watch.row(known).locator("span.ack")).to_have_count(0)
    await watch.centre.again("desk")
    await watch.is_well()
    await watch.shows(missed)
    # Carried out, or too old to be: the person is told in either case.
    told = watch.page.locator(".results .done, .results .refused")
    await expect(told.first).to_be_visible(timeout=BOUND_MS)


async def without_broker(watch: Watch, known: str, kafka: Cluster) -> None:
    """The broker dies and comes back."""
    kafka.kill(0)
    died_s = time.time()
    assert_from(await watch.says("The history is away"), died_s)
    assert await watch.commanded(known) == "history_away"
    kafka.revive()
    await watch.is_well()
    await watch.shows(await rung_again(watch.ring))


async def rung_again(ring: Callable[[], Awaitable[str]]) -> str:
    """What rings once the lane has its broker back."""
    for _ in range(5):
        with suppress(KafkaError):
            return await ring()
    return await ring()


async def without_console(watch: Watch) -> None:
    """The console itself dies, and comes back with everybody signed out."""
    watch.centre.process("console").kill()
    died_s = time.time()
    assert_from(await watch.says("Connection lost"), died_s)
    missed = await watch.ring()
    await expect(watch.row(missed)).to_have_count(0)
    await watch.centre.again("console")
    await expect(watch.page.get_by_label("Password")).to_be_visible(timeout=BOUND_MS)
    await sign_in(watch.page, "li.wei")
    await watch.is_well()
    await watch.shows(missed)


async def without_worker(watch: Watch) -> None:
    """A worker that watches lifts dies: the page says so, and since when.

    What their sensors tell meanwhile waits for it.
    """
    before, meanwhile = ("Plum Court lift 1", "lift-01"), ("Egret Tower lift 1", "lift-03")
    async with watch.centre.worker("elevator") as worker:
        await runs_with_open_doors(watch, before[1])
        await watch.shows(before[0])
        lifts, water = (
            watch.page.locator(f"th[data-lifeline={name}].unwatched")
            for name in ("elevator", "water")
        )
        await expect(water).to_have_count(1, timeout=SILENT_MS)  # which has no worker here
        await expect(lifts).to_have_count(0, timeout=SILENT_MS)
        worker.kill()
        died_s = time.time()
        await runs_with_open_doors(watch, meanwhile[1])
        # Nothing that the page stands on is away: it stays of now, and answers are taken.
        await watch.acknowledge(before[0])
        await expect(watch.row(before[0]).locator("span.ack")).to_have_count(1, timeout=BOUND_MS)
        await watch.is_well()
        await expect(watch.row(meanwhile[0])).to_have_count(0)
        await expect(lifts).to_have_count(1, timeout=SILENT_MS)
        assert_from(await lifts.inner_text(), died_s, CANARY_S)
        await watch.centre.restarted(worker)
        await watch.shows(meanwhile[0])
        await expect(lifts).to_have_count(0, timeout=SILENT_MS)


async def runs_with_open_doors(watch: Watch, lift: str) -> None:
    await watch.centre.reads("elevator", f"elevator.{lift}.car_state", [0.0, 4.0, 1.0])


@pytest.mark.timeout(1_200)
async def test_a_page_tells_the_truth_while_its_neighbours_die_one_after_another(
    tmp_path: Path, browser: Browser
) -> None:
    with Cluster() as kafka:
        async with (
            real_centre(tmp_path, kafka.bootstrap, "killed") as centre,
            desk(browser, centre, "li.wei") as page,
        ):
            page.set_default_timeout(STEP_MS)
            loads: list[str] = []
            page.on("load", lambda _: loads.append(page.url))
            watch = Watch(centre, page)
            known = await watch.ring()
            await watch.shows(known)
            await without_history(watch, known)
            await without_stage(watch, known)
            await without_console(watch)
            await without_broker(watch, known, kafka)
            await without_worker(watch)
            assert loads == [], "it was never loaded anew"
            for said in watch.told:
                await watch.shows(said)
