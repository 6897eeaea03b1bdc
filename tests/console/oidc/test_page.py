"""The page signs people in by a provider at another site, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from contracts.desk.commands import Acknowledge
from tests.console.conftest import STEP_MS
from tests.console.oidc.conftest import Door, door_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
RED = f"i-{2:016x}"


async def test_a_person_signs_in_by_the_provider_and_is_told_when_it_does_not_go(
    browser: Browser, tmp_path: Path
) -> None:
    async with door_of(tmp_path) as door:
        await come_and_go(browser, door)


async def come_and_go(browser: Browser, door: Door) -> None:
    """Be refused, come in, work, and leave."""
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(STEP_MS)
    page = await context.new_page()
    await page.goto(f"{door.centre.console.address}incident/{RED}?x=1")
    button = page.get_by_role("link", name="Sign in with the city's account")
    door.provider.claims["groups"] = ["staff"]
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("has no role on this desk")
    door.provider.claims["groups"] = ["desk-operators"]
    await page.goto(f"{door.centre.console.address}incident/{RED}?x=1")
    await button.click()
    await expect(page.get_by_role("button", name="Chen Jie · Sign out")).to_be_visible()
    assert page.url.endswith(f"/incident/{RED}?x=1")
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.locator(".results .done")).to_contain_text("Acknowledge: done")
    ((_, _, command),) = door.centre.made.sent
    assert isinstance(command, Acknowledge)
    assert command.by == "chen.jie"
    await page.get_by_role("button", name="Chen Jie · Sign out").click()
    await expect(page.get_by_text("You have left.")).to_be_visible()
    await page.goto(door.centre.console.address)
    await expect(button).to_be_visible()
    await context.close()
