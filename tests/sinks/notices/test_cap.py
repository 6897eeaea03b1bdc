"""CAP messages are valid by the schema of OASIS and refer to what they update."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from lxml import etree

from contracts.desk.notice import Notice
from contracts.desk.receipt import Receipt
from contracts.desk.receiver import CapTarget, Duties, Receiver
from runtime.durable_file import write_durably
from sinks.notices.cap import NAMESPACE, Cap, message
from sinks.notices.delivery import Delivery
from sinks.notices.transport import Telling
from tests.testkit.desk.notices import MemoryReceipts, WoundTimer, hook, notice

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "cap" / "CAP-v1.2.xsd"))
TARGET = CapTarget(sender="tocsin@city.example", folder="cap")
OLD_TOWN = Duties("310101", {"en": "Old Town", "zh": "老城区"}, ("pit", "subsidence", "water"))
NOW = "2026-03-01T08:05:00+08:00"


def parsed(
    telling: Telling, target: CapTarget = TARGET, duties: Duties = OLD_TOWN
) -> etree._Element:
    """A message that the schema takes."""
    found = etree.fromstring(message(telling, target, duties))
    SCHEMA.assertValid(found)
    return found


def text(element: etree._Element, name: str) -> str | None:
    return element.findtext(f".//{{{NAMESPACE}}}{name}")


def test_alert_update_and_cancel_refer_to_the_one_before() -> None:
    new = notice("0", colour="orange")
    worse = notice("1", reason="colour", at=NOW)
    over = notice("2", reason="over", at="2026-03-01T09:00:00.250+08:00")
    first, then, last = (
        parsed(Telling(new)),
        parsed(Telling(worse, before=new)),
        parsed(Telling(over, before=worse)),
    )
    assert [text(one, "msgType") for one in (first, then, last)] == ["Alert", "Update", "Cancel"]
    assert text(first, "references") is None
    assert text(then, "references") == "tocsin@city.example,n-0,2026-03-01T08:00:00+08:00"
    assert text(last, "references") == f"tocsin@city.example,n-1,{NOW}"
    # A reference is the triple that the other message carries itself.
    for before, after in ((first, then), (then, last)):
        names = ("sender", "identifier", "sent")
        assert text(after, "references") == ",".join(str(text(before, name)) for name in names)
    assert [text(one, "severity") for one in (first, then, last)] == ["Severe", "Extreme", "Minor"]
    assert (text(last, "urgency"), text(last, "responseType")) == ("Past", "AllClear")
    assert text(last, "sent") == "2026-03-01T09:00:00+08:00"


def test_a_drill_is_an_exercise_whatever_the_status() -> None:
    draft = CapTarget(sender="t", folder="cap", status="Draft")
    assert text(parsed(Telling(notice(0, drill=True)), draft), "status") == "Exercise"
    assert text(parsed(Telling(notice(0)), draft), "status") == "Draft"


def test_both_languages_are_told_to_the_desk_alone() -> None:
    found = parsed(Telling(notice(0, desk="street desk"), late_s=3605))
    assert [one.text for one in found.iter(f"{{{NAMESPACE}}}language")] == ["en-GB", "zh-CN"]
    assert (text(found, "scope"), text(found, "addresses")) == ("Private", '"street desk"')
    assert text(found, "note") == "Told 3605 s after its time."


def texts(element: etree._Element, name: str) -> list[str | None]:
    return [one.text for one in element.iter(f"{{{NAMESPACE}}}{name}")]


def test_a_message_is_of_the_area_and_the_lifelines_that_its_desk_answers_for() -> None:
    found = parsed(Telling(notice(0)))
    assert texts(found, "areaDesc") == ["Old Town", "老城区"]
    assert texts(found, "value")[-1] == "310101"
    assert texts(found, "category") == ["Safety", "Geo", "Infra"] * 2
    nameless = parsed(Telling(notice(0)), duties=Duties("n-07", {}, ("metro",)))
    assert texts(nameless, "areaDesc") == ["n-07", "n-07"]
    assert texts(nameless, "category") == ["Transport"] * 2
    city = parsed(Telling(notice(0)), duties=Duties("", {}, ()))
    assert texts(city, "area") == []
    assert texts(city, "category") == ["Infra"] * 2


def cases() -> Iterator[Notice]:
    """What a schema could stumble over."""
    for colour in ("blue", "yellow", "orange", "red"):
        yield notice(0, colour=colour)
    yield notice(0, incident="", reason="daily list", revision=1_900_000_000)
    yield notice(0, at="2026-03-01T00:00:00Z")
    yield notice(0, text={"en": "a" * 5_000 + "\x00\x0b\ud800\uffff<&>", "zh": "管" * 200})
    yield notice(0, reason="over")  # nothing was told before


@pytest.mark.parametrize("one", list(cases()))
def test_every_notice_makes_a_valid_message(one: Notice) -> None:
    found = parsed(Telling(one))
    assert len(text(found, "headline") or "") <= 160
    assert text(found, "msgType") == "Alert"


async def test_a_message_is_a_file_and_a_request(tmp_path: Path) -> None:
    async with hook([503]) as server, aiohttp.ClientSession() as session:
        target = CapTarget(sender="t", folder=str(tmp_path / "out"), url=server.url)
        transport = Cap(target, session, {"city": OLD_TOWN})
        assert (await transport.tell(Telling(notice(0)))).kind == "retry"
        assert (await transport.tell(Telling(notice(0)))).kind == "delivered"
        (path,) = (tmp_path / "out").iterdir()
        assert path.name == "n-0.xml"
        assert "老城区" in path.read_text(encoding="utf-8")
        (_, first), (headers, second) = server.requests
        assert first == second == path.read_bytes()
        assert headers["content-type"] == "application/cap+xml"


class Death(BaseException):
    """The process dies here."""


def files(folder: Path) -> list[str]:
    """Names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


class LastWords(MemoryReceipts):
    """The process dies before it leaves a receipt."""

    async def append(self, receipt: Receipt) -> None:
        raise Death(receipt.notice)


async def one_life(folder: Path, receipts: MemoryReceipts, *notices: Notice) -> None:
    """Tell some notices, the last of which waits behind the others from the beginning."""
    async with aiohttp.ClientSession() as session:
        transport = Cap(CapTarget(sender="t", folder=str(folder)), session, {})
        receiver, standing = Receiver(id="desk"), receipts.standing("desk")
        told = Delivery(receiver, transport, receipts, WoundTimer(), standing)
        for offset, one in enumerate(notices):
            await told.offer(one, offset)
        running = asyncio.create_task(told.run())
        done = asyncio.create_task(receipts.until(len(notices)))
        try:
            await asyncio.wait({running, done}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            for task in (running, done):
                task.cancel()
            await asyncio.gather(running, done, return_exceptions=True)


async def test_an_end_cancels_what_was_told_just_before_the_process_died(tmp_path: Path) -> None:
    """Between the file and its receipt, while the end of its incident waits already."""
    new, over = notice(0), notice(1, reason="over", at=NOW)
    with pytest.raises(Death, match="n-0"):
        await one_life(tmp_path, LastWords(), new, over)
    assert files(tmp_path) == ["n-0.xml"]
    await one_life(tmp_path, receipts := MemoryReceipts(), new, over)
    assert receipts.outcomes() == {"n-0": "delivered", "n-1": "delivered"}
    assert files(tmp_path) == ["n-0.xml", "n-1.xml"]
    first, last = (etree.parse(tmp_path / f"n-{n}.xml").getroot() for n in range(2))
    assert [text(one, "msgType") for one in (first, last)] == ["Alert", "Cancel"]
    assert text(last, "references") == "t,n-0,2026-03-01T08:00:00+08:00"


async def test_what_was_sent_without_an_answer_is_told_before_its_end(tmp_path: Path) -> None:
    """Who answers too late may have it: an end alone would be an Alert of its own."""
    async with hook([503]) as server, aiohttp.ClientSession() as session:
        transport = Cap(CapTarget(sender="t", url=server.url), session, {})
        receipts, timer = MemoryReceipts(), WoundTimer()
        told = Delivery(Receiver(id="desk"), transport, receipts, timer, receipts.standing("desk"))
        running = asyncio.create_task(told.run())
        await told.offer(notice("before", incident="i-0"), 0)
        await server.until(1)
        await timer.waiting()
        await told.offer(notice(0), 1)
        await told.offer(notice(1, reason="over", at=NOW), 2)
        await told.offer(notice(2, incident="i-0", reason="over", at=NOW), 3)
        await timer.wind()
        await receipts.until(4)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    kinds = [text(etree.fromstring(body), "msgType") for _, body in server.requests]
    assert receipts.outcomes()["n-0"] == "superseded", "it was never sent"
    assert kinds == ["Alert", "Alert", "Alert", "Cancel"]


async def test_what_a_process_left_half_written_is_deleted_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: int) -> None:
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr("runtime.durable_file.os.fsync", dies)
        with pytest.raises(Death):
            write_durably(tmp_path / "n-0.xml", [b"<alert"])
    (tmp_path / ".keep").touch()
    keep, draft = files(tmp_path)
    assert (keep, draft[:9]) == (".keep", ".n-0.xml.")
    await one_life(tmp_path, MemoryReceipts(), notice(1))
    assert files(tmp_path) == [".keep", "n-1.xml"]


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("no folder")
    async with aiohttp.ClientSession() as session:
        transport = Cap(CapTarget(sender="t", folder=str(tmp_path / "out")), session, {})
        answer = await transport.tell(Telling(notice(0)))
    assert answer.kind == "retry"
    assert "n-0.xml" in answer.detail
