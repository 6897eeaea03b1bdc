"""Each notice reaches its receiver once by its key, in order, whatever dies when."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from contracts.desk.notice import Notice
from contracts.desk.receipt import Receipt
from contracts.desk.receiver import Receiver
from sinks.notices import delivery as module
from sinks.notices import open_incidents
from sinks.notices.delivery import Delivery
from sinks.notices.open_incidents import OpenIncidents
from sinks.notices.transport import DELIVERED, Answer, Telling
from tests.testkit.desk.notices import SHELVED, MemoryReceipts, WoundTimer, incident, notice, until

DESK = Receiver(id="desk")
HOUR_S, DAY_S = 3_600, 86_400
COLOURS = ("blue", "yellow", "orange", "red")


class DeathError(BaseException):
    """The process dies here."""


class Fate:
    """Kills at the step that was drawn."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._left = 0
        self.deaths: Counter[str] = Counter()

    def draw(self, most: int) -> None:
        self._left = self._chance.randrange(1, most)

    def step(self, where: str) -> None:
        self._left -= 1
        if self._left == 0:
            self.deaths[where] += 1
            raise DeathError(where)


class Inbox:
    """A receiver that answers by a script, then confirms all; remembers what it confirmed."""

    delays_s: Sequence[float] = (5.0, 300.0, 1800.0)
    patience_s = 2105.0
    follows = False
    refers = False
    resend_s = 0.0

    def __init__(self, script: Sequence[Answer] = (), *, follows: bool = False) -> None:
        self.script = list(script)
        self.follows = follows
        self.told: list[Telling] = []
        self.confirmed: list[str] = []
        self.resent: list[list[str]] = []

    async def tell(self, telling: Telling) -> Answer:
        self.told.append(telling)
        answer = self.script.pop(0) if self.script else DELIVERED
        if answer.kind == "delivered":
            self.confirmed.append(telling.notice.id)
        return answer

    async def resend(self, notices: Sequence[Notice]) -> Answer:
        self.resent.append([one.id for one in notices])
        return DELIVERED


class MortalInbox(Inbox):
    """May be the last that a process tells; busy now and then, and once away for an hour."""

    patience_s = 86_400.0

    def __init__(self, fate: Fate, chance: random.Random, timer: WoundTimer) -> None:
        super().__init__()
        self._fate = fate
        self._chance = chance
        self._timer = timer
        self._back_s: float | None = None
        self.missed = 0

    async def tell(self, telling: Telling) -> Answer:
        self._fate.step("before the request")
        if self._back_s is None and len(self.confirmed) == 60:
            self._back_s = self._timer.elapsed_s() + 3_600
        if self._timer.elapsed_s() < (self._back_s or 0):
            self.missed += 1
            return Answer("retry", "503 away")
        if self._chance.random() < 0.1:
            return Answer("retry", "503 busy")
        answer = await super().tell(telling)
        self._fate.step("behind the confirmation")
        return answer


class Away(Inbox):
    """Answers nobody for some seconds, then confirms all."""

    patience_s = 7 * 86_400.0

    def __init__(self, timer: WoundTimer, away_s: float) -> None:
        super().__init__()
        self._timer = timer
        self._back_s = timer.elapsed_s() + away_s
        self.missed = 0

    async def tell(self, telling: Telling) -> Answer:
        if self._timer.elapsed_s() < self._back_s:
            self.missed += 1
            self.told.append(telling)
            return Answer("retry", "503 away")
        return await super().tell(telling)


class MortalReceipts(MemoryReceipts):
    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def append(self, receipt: Receipt) -> None:
        told = receipt.outcome == "delivered"
        self._fate.step("before the receipt" if told else "before that of a superseded one")
        await super().append(receipt)
        self._fate.step("behind the receipt")


def topic(count: int, chance: random.Random) -> list[Notice]:
    """Notices of some incidents; a fifth is withheld, each incident ends some time."""
    found = []
    for number in range(count):
        held = SHELVED if chance.random() < 0.2 else None
        reason = chance.choice(("new", "colour", "reminder", "escalated", "over"))
        which = f"i-{chance.randrange(12):016x}"
        found.append(notice(number, incident=which, reason=reason, withheld=held))
    return found


async def life(told: Delivery, notices: Sequence[Notice], receipts: MemoryReceipts) -> None:
    """Run until all that is to be told has its receipt, or until death."""
    wanted = sum(one.withheld is None for one in notices)
    running = asyncio.create_task(told.run())
    feeding = asyncio.create_task(feed(told, notices))
    done = asyncio.create_task(receipts.until(wanted))
    try:
        await asyncio.wait({running, done}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, feeding, done):
            task.cancel()
        await asyncio.gather(running, feeding, done, return_exceptions=True)


async def feed(told: Delivery, notices: Sequence[Notice]) -> None:
    for offset, one in enumerate(notices):
        await told.offer(one, offset)


async def test_through_fifty_deaths_each_notice_arrives_once_by_its_key_and_withheld_ones_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AHEAD_MAX", 8)
    chance = random.Random(54)
    fate = Fate(chance)
    notices = topic(300, chance)
    timer = WoundTimer(hasty=True)
    inbox, receipts = MortalInbox(fate, chance, timer), MortalReceipts(fate)
    while True:
        fate.draw(25)
        told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
        try:
            await life(told, notices, receipts)
            break
        except DeathError:
            continue
    assert sum(fate.deaths.values()) >= 50
    assert len(fate.deaths) == 5, "it died at every step"
    assert inbox.missed > 3, "it was away for an hour"
    outcomes = receipts.outcomes()
    withheld = {one.id for one in notices if one.withheld}
    assert len(outcomes) == len(receipts.kept), "one receipt each"
    assert outcomes.keys() == {one.id for one in notices} - withheld
    delivered = {name for name, outcome in outcomes.items() if outcome == "delivered"}
    assert set(outcomes.values()) == {"delivered", "superseded"}
    unreceipted = fate.deaths["behind the confirmation"] + fate.deaths["before the receipt"]
    assert delivered <= set(inbox.confirmed)
    assert 0 < len(inbox.confirmed) - len(delivered) <= unreceipted, "twice behind a death alone"
    first = list(dict.fromkeys(inbox.confirmed))
    assert first == sorted(first, key=lambda name: int(name.removeprefix("n-"))), "in order"
    assert ends_of(receipts) <= delivered, "the end of its incident was told instead"


def ends_of(receipts: MemoryReceipts) -> set[str]:
    """Notices that took the place of others and that none took the place of."""
    details = {one.notice: one.detail for one in receipts.kept if one.outcome == "superseded"}
    by = {word for detail in details.values() for word in detail.split() if word[:2] == "n-"}
    assert by
    return by - details.keys()


async def test_withheld_and_unwanted_notices_have_no_receipt() -> None:
    wants = Receiver(
        id="desk", desks=["city"], colours=["red"], reasons=["new"], drills=False, levels=["city"]
    )
    notices = [
        notice(0, withheld=SHELVED),
        notice(1, desk="east"),
        notice(2, colour="blue"),
        notice(3, reason="reminder"),
        notice(4, drill=True),
        notice(5, level="district"),
        notice(6),
    ]
    inbox, receipts = Inbox(), MemoryReceipts()
    told = Delivery(wants, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    await feed(told, notices)
    async with running(told):
        await receipts.until(1)
    assert receipts.outcomes() == {"n-6": "delivered"}
    assert inbox.confirmed == ["n-6"]


@asynccontextmanager
async def running(told: Delivery) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(told.run()), asyncio.create_task(told.keep_open())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_outage_is_tried_by_plan_and_what_is_late_says_so() -> None:
    away = Answer("retry", "503")
    inbox, receipts, timer = Inbox([away] * 3), MemoryReceipts(), WoundTimer()
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    fresh = datetime.fromtimestamp(timer.now_ms() / 1000, UTC).isoformat()
    await told.offer(notice(0, at=fresh), 0)
    async with running(told):
        # Beyond 5 s a wait has two parts: none is called for in the first.
        waits = [await timer.wind() for _ in range(5)]
        (receipt,) = await receipts.until(1)
    assert waits == [5.0, 5.0, 295.0, 5.0, 1795.0]
    assert [one.late_s for one in inbox.told] == [0, 0, 305, 2105]
    assert (receipt.tries, receipt.late_s, receipt.outcome) == (4, 2105, "delivered")


async def test_who_was_away_for_a_day_is_told_all_that_is_not_over_and_how_late_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than fits into memory waits on the topic."""
    monkeypatch.setattr(module, "AHEAD_MAX", 20)
    timer, receipts = WoundTimer(hasty=True), MemoryReceipts()
    inbox, began_s = Away(timer, DAY_S), timer.now_ms() // 1000
    notices = [  # two incidents of two notices each, of which the second ends
        notice(n, incident=f"i-{n // 2}", reason="over" if n % 4 == 3 else "new", at=text_of(at_s))
        for n, at_s in enumerate(range(began_s, began_s + HOUR_S, 36))
    ]
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await life(told, notices, receipts)
    assert inbox.missed > 5, "it was tried meanwhile"
    outcomes = receipts.outcomes()
    assert inbox.confirmed == [name for name, became in outcomes.items() if became == "delivered"]
    over = {f"n-{n}" for n in range(2, 100, 4)}
    assert {name for name, became in outcomes.items() if became == "superseded"} == over
    assert len(receipts.kept) == len(notices) == 100
    assert min(one.late_s for one in inbox.told[inbox.missed :]) > DAY_S - HOUR_S


def text_of(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()


async def test_after_the_last_try_a_notice_is_given_up_and_the_next_one_told() -> None:
    inbox, receipts, timer = Inbox([Answer("retry", "503")] * 4), MemoryReceipts(), WoundTimer()
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await told.offer(notice(0), 0)
    async with running(told):
        for _ in range(5):
            await timer.wind()
        await receipts.until(1)
        await told.offer(notice(1, incident="i-1"), 1)
        await receipts.until(2)
    assert receipts.outcomes() == {"n-0": "failed", "n-1": "delivered"}
    assert receipts.kept[0].detail == "given up: 503"
    assert told.status.outcomes == {"delivered": 1, "failed": 1, "superseded": 0}


async def test_a_wall_clock_that_jumps_moves_no_delay() -> None:
    inbox, receipts, timer = Inbox([Answer("retry", "503")] * 2), MemoryReceipts(), WoundTimer()
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await told.offer(notice(0), 0)
    async with running(told):
        waits = [await timer.wind()]
        timer.jump_s = -86_400.0 * 3650
        waits += [await timer.wind(), await timer.wind()]
        (receipt,) = await receipts.until(1)
    assert waits == [5.0, 5.0, 295.0]
    assert receipt.late_s == 0, "a clock before the notice makes nothing late"


async def test_a_notice_that_comes_meanwhile_is_a_reason_to_try_at_once() -> None:
    inbox, receipts, timer = Inbox([Answer("retry", "503")] * 2), MemoryReceipts(), WoundTimer()
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await told.offer(notice(0), 0)
    async with running(told):
        assert [await timer.wind(), await timer.wind()] == [5.0, 5.0]
        assert await timer.waiting() == 295.0
        await told.offer(notice(1, incident="i-1"), 1)
        await receipts.until(2)
    assert inbox.confirmed == ["n-0", "n-1"]


async def test_a_receiver_may_ask_for_a_later_try() -> None:
    busy = Answer("retry", "429", after_s=120.0)
    inbox, receipts, timer = Inbox([busy]), MemoryReceipts(), WoundTimer()
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await told.offer(notice(0), 0)
    async with running(told):
        await told.offer(notice(1, incident="i-1"), 1)
        assert await timer.wind() == 120.0
        await receipts.until(2)


async def test_of_an_incident_that_is_over_only_the_end_is_told() -> None:
    notices = [
        notice(0),
        notice(1, reason="reminder"),
        notice(2, incident="i-1"),
        notice(3, desk="east"),
        notice(4, reason="over"),
    ]
    inbox, receipts = Inbox(), MemoryReceipts()
    told = Delivery(DESK, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    await feed(told, notices)
    async with running(told):
        await receipts.until(5)
    assert inbox.confirmed == ["n-2", "n-3", "n-4"]
    assert [one.notice for one in receipts.kept if one.outcome == "superseded"] == ["n-0", "n-1"]
    assert receipts.kept[0].detail == "n-4 (over) takes its place"


async def test_heartbeats_come_to_whom_names_them_and_only_the_newest_that_waits() -> None:
    beats = [notice(one, incident="", reason="heartbeat", desk="ab"[one % 2]) for one in range(5)]
    lists = [notice(one, incident="", reason="summary") for one in (5, 6)]
    for reasons, confirmed in (
        ([], ["n-5", "n-6"]),
        (["heartbeat", "summary"], ["n-3", "n-4", "n-5", "n-6"]),
    ):
        inbox, receipts = Inbox(), MemoryReceipts()
        wants = msgspec.convert({"id": "desk", "reasons": reasons}, Receiver)
        told = Delivery(wants, inbox, receipts, WoundTimer(), receipts.standing("desk"))
        await feed(told, [*beats, *lists])
        async with running(told):
            await receipts.until(7 if reasons else 2)
        assert inbox.confirmed == confirmed


async def test_what_cannot_be_sent_does_not_stop_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Inbox):
        async def tell(self, telling: Telling) -> Answer:
            if telling.notice.id == "n-0":
                msg = "no such colour"
                raise KeyError(msg)
            return await super().tell(telling)

    inbox, receipts = Broken(), MemoryReceipts()
    told = Delivery(DESK, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    await feed(told, [notice(0), notice(1, incident="i-1")])
    async with running(told):
        await receipts.until(2)
    assert receipts.outcomes() == {"n-0": "failed", "n-1": "delivered"}
    assert "no such colour" in receipts.kept[0].detail
    assert "n-0 cannot be sent" in caplog.text


async def test_no_more_notices_wait_in_memory_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_MAX", 3)
    inbox, receipts = Inbox(), MemoryReceipts()
    told = Delivery(DESK, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    feeding = asyncio.create_task(feed(told, [notice(one, incident="i-1") for one in range(9)]))
    await until(lambda: told.status.waiting == 3)
    assert not feeding.done()
    async with running(told):
        await receipts.until(9)
        await feeding
    assert told.status.waiting == 0


async def test_who_wants_no_more_is_left_alone_until_the_process_begins_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox, receipts = Inbox([Answer("gone", "410 as told")]), MemoryReceipts()
    told = Delivery(DESK, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    await told.offer(notice(0), 0)
    async with running(told):
        await until(lambda: told.status.disabled)
        await told.offer(notice(1, incident="i-1"), 1)
        for _ in range(20):
            await asyncio.sleep(0)
    assert len(inbox.told) == 1
    assert receipts.kept == []
    assert "it wants no more notices" in caplog.text
    again = Delivery(DESK, inbox, receipts, WoundTimer(), receipts.standing("desk"))
    await feed(again, [notice(0), notice(1, incident="i-1")])
    async with running(again):
        await receipts.until(2)
    assert inbox.confirmed == ["n-0", "n-1"], "nothing is lost by it"


async def told_to(inbox: Inbox, receipts: MemoryReceipts, timer: WoundTimer) -> Delivery:
    """Two incidents told, one of them for two desks."""
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    await feed(told, [notice(0), notice(1, desk="east"), notice(2, incident="i-1")])
    return told


async def test_what_is_open_is_told_again_until_it_ends() -> None:
    inbox, receipts, timer = Inbox(follows=True), MemoryReceipts(), WoundTimer()
    inbox.resend_s = 60.0
    told = await told_to(inbox, receipts, timer)
    async with running(told):
        await receipts.until(3)
        assert not inbox.resent, "more may be known of them"
        told.recalled()
        await until(lambda: inbox.resent)
        # Nobody is told of this end, and one incident is closed by a person.
        await told.offer(notice(3, incident="i-1", reason="over", withheld=SHELVED), 3)
        await until(lambda: "n-2" not in {one.id for one in told._open})
        await timer.wind()
        await until(lambda: len(inbox.resent) == 2)
        told.hear(incident(1, verdict="true"), 0)
        await told.offer(notice(4), 4)  # on its way when it was closed
        await receipts.until(4)
        await timer.wind()
        told.hear(incident(2), 1)  # opened once more
        await told.offer(notice(5, revision=2), 5)
        await receipts.until(5)
        await timer.wind()
        await until(lambda: len(inbox.resent) == 3)
    assert inbox.resent == [["n-0", "n-1", "n-2"], ["n-0", "n-1"], ["n-5"]]


async def test_behind_a_restart_the_same_is_open() -> None:
    inbox, receipts, timer = Inbox(follows=True), MemoryReceipts(), WoundTimer()
    told = await told_to(inbox, receipts, timer)
    async with running(told):
        await receipts.until(3)
        told.hear(incident(1, verdict="true"), 7)
        await told.offer(notice(3, revision=1), 3)
        await receipts.until(4)
    standing = receipts.standing("desk")
    assert standing.position == 4
    assert standing.since == {"notices": 2, "incidents": 0}
    again = Delivery(DESK, inbox, receipts, timer, standing)
    await again.offer(notice(2, incident="i-1"), 2)
    await again.offer(notice(3, revision=1), 3)
    assert [one.id for one in again._open] == ["n-2"]
    await again.offer(notice(4, incident="i-1", reason="colour"), 4)
    async with running(again):
        await receipts.until(5)
    assert inbox.told[-1].before == notice(2, incident="i-1")
    assert receipts.outcomes()["n-4"] == "delivered"


async def test_an_end_knows_what_was_told_before_it_although_the_incident_came_first() -> None:
    """Of one transaction the reader takes incidents before notices."""
    inbox, receipts, timer = Inbox(follows=True), MemoryReceipts(), WoundTimer()
    inbox.resend_s = 60.0
    told = Delivery(DESK, inbox, receipts, timer, receipts.standing("desk"))
    async with running(told):
        await told.offer(notice(0), 0)
        await receipts.until(1)
        told.hear(incident(2, state="over"), 0)
        told.hear(incident(3, state="over", verdict="true"), 1)
        assert list(told._open) == [], "nobody is to be told that it is still open"
        standing = receipts.standing("desk")
        assert standing.since == {"notices": 0, "incidents": 0}, "what its end refers to"
        await told.offer(notice(1, reason="over", revision=2), 1)
        await receipts.until(2)
    assert inbox.told[-1].before == notice(0)
    assert receipts.standing("desk").since == {"notices": 2, "incidents": 2}
    again = Delivery(DESK, Inbox(follows=True), receipts, timer, standing)
    again.hear(incident(2, state="over"), 0)
    await again.offer(notice(0), 0)
    assert again._open.newest(notice(1, reason="over")) == notice(0), "behind a restart, too"


async def test_of_what_was_closed_only_so_many_ends_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_incidents, "CLOSED_MAX", 1)
    known = OpenIncidents("desk")
    known.told(notice(0), 0, 0)
    known.heard(incident(1, state="over"))
    assert known.since({"notices": 9, "incidents": 9}) == {"notices": 0, "incidents": 0}
    other = incident(1, state="over")
    situation = msgspec.structs.replace(other.situation, id="i-other")
    known.heard(msgspec.structs.replace(other, id="i-other", situation=situation))
    assert known.since({"notices": 9, "incidents": 9}) == {"notices": 9, "incidents": 9}
