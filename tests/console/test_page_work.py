"""People work on the console's pages, and see what became of it."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import OpenPage
from tests.testkit.console import page_data as made

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


async def test_an_incident_is_acknowledged_by_keyboard(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        first = page.locator(".row").first
        await expect(first).to_contain_text("Feeder F-12")
        await page.keyboard.press("j")
        await expect(first).to_have_class("row focused")
        await page.keyboard.press("a")
        await expect(first.locator("span.ack")).to_have_text("acknowledged")
        await expect(page.locator(".results .done")).to_contain_text("Acknowledge: done")
    assert [(c["kind"], c["target"], c["revision"]) for c in double.commands] == [
        ("acknowledge", f"i-{0:016x}", 3)
    ]


async def test_an_incident_is_acknowledged_by_one_press_in_the_list(open_page: OpenPage) -> None:
    async with open_page(width=390) as (page, double):
        await page.locator("button.ack").first.click()
        await expect(page.locator(".results .done")).to_be_visible()
    assert len(double.commands) == 1


async def test_a_conflict_is_shown_and_nothing_overwritten(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{0:016x}") as (page, double):
        double.conflict = True
        await page.get_by_role("button", name="Acknowledge").click()
        await expect(page.locator(".results .refused")).to_contain_text("changed meanwhile")
        assert not double.lines[0]["acknowledged"]


async def test_a_refusal_says_why(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{0:016x}") as (page, double):
        double.refuse = "not_permitted"
        await page.get_by_role("button", name="Acknowledge").click()
        await expect(page.locator(".results .refused")).to_contain_text("not_permitted")


async def test_an_assignment_can_be_undone(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{1:016x}") as (page, double):
        await page.get_by_role("button", name="Assign").click()
        await page.get_by_label("To whom").fill("chen.jie")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator("dd").first).to_contain_text("wang.fang")
    assert [command["owner"] for command in double.commands] == ["chen.jie", "wang.fang"]


async def test_an_open_form_says_that_the_ticket_has_changed_meanwhile(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{1:016x}") as (page, double):
        await page.get_by_role("button", name="Assign").click()
        await expect(page.get_by_label("To whom")).to_be_focused()
        double.lines[1]["owner"] = "zhao.min"
        double.lines[1]["revision"] += 1
        double.change(double.lines[1])
        await expect(page.locator("form.action [role=status]")).to_contain_text("zhao.min")
        await page.get_by_label("To whom").fill("chen.jie")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".results .done")).to_contain_text("Assign: done")
    assert double.commands[0]["revision"] == 4


async def test_shelving_asks_for_a_reason_once(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{0:016x}") as (page, double):
        await expect(page.get_by_role("button", name="Shelve")).to_be_visible()
        await page.keyboard.press("s")
        await expect(page.get_by_label("Reason")).to_be_focused()
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_have_text("A reason is needed.")
        await page.get_by_label("Reason").focus()
        await page.keyboard.type("flushing")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".results .done")).to_contain_text("Shelve")
    (command,) = double.commands
    assert (command["kind"], command["target"], command["reason"]) == (
        "shelve",
        "water.dma-0400.pressure",
        "flushing",
    )
    assert command["until"] > double.now_ms


async def test_a_step_of_the_response_sheet_is_noted(open_page: OpenPage) -> None:
    async with open_page(f"/incident/i-{0:016x}") as (page, double):
        await page.get_by_label("Isolate the main").click()
        await expect(page.get_by_label("Isolate the main")).to_be_disabled()
    assert double.steps[0]["reason"] == "✓ Isolate the main"


async def test_several_are_acknowledged_at_once(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        for row in (0, 2):
            await page.locator(".row input").nth(row).check()
        await page.get_by_role("button", name="Acknowledge 2 selected").click()
        await expect(page.locator(".results .done")).to_be_visible()
    assert double.commands[0]["targets"] == [f"i-{0:016x}", f"i-{2:016x}"]


async def test_what_is_new_waits_while_somebody_reads(open_page: OpenPage) -> None:
    async with open_page(count=60) as (page, double):
        top = page.locator(".list")
        await expect(page.locator(".row").first).to_be_visible()
        await top.evaluate("list => list.scrollTo(0, 300)")
        new = made.line(0, double.now_ms) | {
            "id": f"i-{999:016x}",
            "title": made.text("New one", "新"),
        }
        double.lines.insert(0, new)
        double.change(new)
        await page.get_by_role("button", name="1 new").click()
        await expect(page.locator(".row").first).to_contain_text("New one")


async def test_a_change_comes_by_itself(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator(".row").first).to_contain_text("Feeder F-12")
        double.lines[0]["title"] = made.text("Feeder F-13 too", "13 号馈线亦失电")
        double.change(double.lines[0])
        await expect(page.locator(".row").first).to_contain_text("Feeder F-13 too")


async def test_a_lost_connection_greys_the_page_and_comes_back(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator("button.ack").first).to_be_enabled()
        await page.context.set_offline(True)
        double.hang_up()
        await expect(page.locator(".health.lost")).to_contain_text("Connection lost")
        await expect(page.locator("button.ack").first).to_be_disabled()
        await page.context.set_offline(False)
        await expect(page.locator(".health")).to_have_count(0)
        await expect(page.locator("button.ack").first).to_be_enabled()


async def test_a_history_away_says_how_old_the_page_is(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator("button.ack").first).to_be_enabled()
        double.history = "away"
        double.age(double.now_ms - 60_000)
        await expect(page.locator(".health")).to_contain_text("The history is away")
        await expect(page.locator("button.ack").first).to_be_disabled()
        double.change(double.lines[0])
        await expect(page.locator(".needs .age")).to_contain_text("the history is away")
        await expect(page.locator(".row").first).to_be_visible()
        double.history = "live"
        double.age()
        await expect(page.locator(".needs h2")).not_to_contain_text("history")
        await expect(page.locator("button.ack").first).to_be_enabled()


async def test_ten_thousand_incidents_are_a_short_page(open_page: OpenPage) -> None:
    async with open_page(count=10_000) as (page, _):
        await expect(page.locator(".row").first).to_be_visible()
        for shown in ("1,000+", "2,000+"):
            await page.locator(".list").evaluate("list => list.scrollTo(0, list.scrollHeight)")
            await expect(page.locator(".needs h2 small")).to_contain_text(shown)
        assert await page.locator(".row").count() < 40


async def test_a_person_signs_in_and_out(open_page: OpenPage) -> None:
    async with open_page() as (page, _):
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("User").fill("li.wei")
        await page.get_by_label("Password").fill("false")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("User or password is wrong.")
        await page.get_by_label("Password").fill("right")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator(".row").first).to_be_visible()


async def test_a_filter_is_a_link(open_page: OpenPage) -> None:
    async with open_page() as (page, _):
        await page.get_by_label("Colour").select_option("orange")
        await expect(page.locator(".row .mark.red")).to_have_count(0)
        assert page.url.endswith("/?colour=orange")
        await page.reload()
        await expect(page.locator(".row .mark.orange").first).to_be_visible()
        await expect(page.locator(".row .mark.red")).to_have_count(0)


async def test_an_ended_session_asks_for_the_password(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator(".row").first).to_be_visible()
        double.signed_in = False
        double.change(double.lines[0])
        await expect(page.get_by_label("Password")).to_be_visible()


async def test_an_incident_is_dispatched_from_the_list_by_keyboard(open_page: OpenPage) -> None:
    async with open_page() as (page, double):
        await expect(page.locator(".row").nth(1)).to_be_visible()
        for key in ("j", "j", "d"):
            await page.keyboard.press(key)
        await expect(page.get_by_label("Reason")).to_be_focused()
        await page.keyboard.type("crew 4")
        await page.keyboard.press("Enter")
        await expect(page.locator(".results .done")).to_contain_text("Dispatch")
    (command,) = double.commands
    assert (command["kind"], command["target"], command["reason"]) == (
        "dispatch",
        f"i-{1:016x}",
        "crew 4",
    )
