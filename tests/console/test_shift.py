"""A shift over a lost feeder, before real pages, on a real broker, the desk stage behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from contracts.desk.incident import Incident
from sinks.history.queries import audit
from sinks.history.sqlite import SqliteStore
from tests.console.conftest import STEP_MS
from tests.testkit.console.centre import PEOPLE, RealCentre, real_centre
from tests.testkit.console.made import PASSWORD
from tests.testkit.kafka.broker import Cluster

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.long]

STEPS = [
    ("li.wei", "operator", "acknowledged"),
    ("wang.fang", "supervisor", "assigned to power-310101"),
    ("li.wei", "operator", "dispatched"),
    ("li.wei", "operator", "on site"),
    ("li.wei", "operator", "fed back"),
    ("wang.fang", "supervisor", "checked"),
    ("wang.fang", "supervisor", "closed: true"),
    ("zhao.min", "engineer", "comment"),
]


@asynccontextmanager
async def desk(browser: Browser, centre: RealCentre, user: str) -> AsyncIterator[Page]:
    """A page before which somebody has signed in."""
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(STEP_MS)
    page = await context.new_page()
    await page.goto(centre.address)
    await sign_in(page, user)
    yield page
    await context.close()


async def sign_in(page: Page, user: str) -> None:
    await page.get_by_label("User").fill(user)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name=f"{user} · Sign out")).to_be_visible()


async def act(page: Page, action: str, **fields: str) -> None:
    """Press an action of an incident, fill in its form, and wait until it has taken effect."""
    await page.get_by_role("button", name=action, exact=True).click()
    for label, value in fields.items():
        labelled = page.locator("form.action label", has_text=label.replace("_", " "))
        field = labelled.locator("input, select")
        if await field.evaluate("field => field.tagName") == "SELECT":
            await field.select_option(value)
        else:
            await field.fill(value)
    if fields:
        await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".results .done").last).to_contain_text(f"{action}: done")
    await page.get_by_role("button", name="Dismiss").last.click()


@pytest.mark.timeout(600)
async def test_a_lost_feeder_is_answered_by_three_roles_on_two_desks(
    tmp_path: Path, kafka: Cluster, browser: Browser
) -> None:
    app = kafka.unique("shift")
    async with (
        real_centre(tmp_path, kafka.bootstrap, app) as centre,
        desk(browser, centre, "li.wei") as district,
        desk(browser, centre, "wang.fang") as city,
    ):
        await expect(district.locator(".empty")).to_have_text("No incident is open.")
        await centre.ring()
        row = district.locator(".row").first
        await expect(row).to_contain_text("Feeder Heron 02")
        await expect(row.locator(".mark.red")).to_have_class("mark red unacknowledged")
        await expect(district).to_have_title("(1) Tocsin")
        await expect(city.locator(".row").first).to_contain_text("Feeder Heron 02")
        await row.locator("button.ack").click()
        await expect(row.locator("span.ack")).to_have_text("acknowledged")
        await expect(city.locator(".row span.ack")).to_have_text("acknowledged")
        for page in (district, city):
            await page.locator(".row a.what").first.click()
        await act(city, "Assign", To_whom="power-310101")
        await expect(district.locator("dd").first).to_contain_text("power-310101")
        for state in ("dispatched", "on site", "fed back"):
            await act(district, "Next step", To_state=state)
        await act(city, "Next step", To_state="checked")
        await centre.ring(revision=2, state="cleared", was="red")
        await act(city, "Close", Verdict="true")
        await expect(district.locator("dd").nth(1)).to_contain_text("closed")
        await city.get_by_role("button", name="Sign out").click()
        await sign_in(city, "zhao.min")
        await expect(city.get_by_role("button", name="Close")).to_have_count(0)
        await act(city, "Note", Note="relay settings to be looked at")
        said = city.locator(".timeline li", has_text="zhao.min")  # not the revision that tells it
        await expect(said).to_contain_text("note")
        await city.get_by_role("link", name="Audit").first.click()
        await expect(city.locator("tbody tr")).to_have_count(len(STEPS))
        await expect(city.locator("tbody tr").first).to_contain_text("zhao.min")
        await assert_told(centre, tmp_path)


async def assert_told(centre: RealCentre, folder: Path) -> None:
    """Records and history say the same of who did what."""
    told = [m.body for m in await centre.city.told("incident")]
    newest = msgspec.json.decode(told[-1], type=Incident)
    people = [(s.by, s.role, s.what) for s in newest.ticket.history if s.role]
    assert people == STEPS, "what is said of a closed incident is told too"
    assert (newest.ticket.state, newest.ticket.verdict) == ("closed", "true")
    store = SqliteStore(folder / "state" / "history.sqlite")
    with closing(store), store.reading() as connection:
        acts = audit(connection)
    assert {(one.by, one.role, one.signed_by, one.refused) for one in acts} == {
        (user, role, "console", False) for user, role in PEOPLE.items()
    }
    assert len(acts) == len(STEPS)
