"""Notices to one receiver: in order, again and again until it confirms, each with a receipt."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.desk.receipt import INCIDENTS, NOTICES, Receipt
from contracts.desk.receiver import HEARTBEAT, Receiver
from contracts.ports.status import ReceiverStatus
from contracts.quantities import NS_PER_S
from sinks.notices.open_incidents import ENDS, OpenIncidents
from sinks.notices.timer import Timer
from sinks.notices.transport import Answer, Telling, Transport

log = logging.getLogger("tocsin.notices")

AHEAD_MAX: Final = 1_000  # notices that wait in memory; the rest waits on the topic
CALM_S: Final = 5.0  # least time between two tries of a notice, however many come behind it
DRAIN_S: Final = 5.0  # for a try on its way when the process is told to stop


class Receipts(Protocol):
    """Where receipts are kept."""

    async def append(self, receipt: Receipt) -> None:
        """Keep one, for good when this returns.

        Raises
        ------
        RetryableError
            When brokers are away: whether it was kept is not known.
        FatalError
            When another process has taken over.
        """


@dataclass
class Standing:
    """What receipts say of a receiver.

    Parameters
    ----------
    position : int
        Offset of the next notice for it.
    since : dict of str to int
        From where on its topics must be read.
    not_open : dict of str to int
        Notices behind `since` that left no incident open, and the positions behind them.
    """

    position: int
    since: dict[str, int]
    not_open: dict[str, int] = field(default_factory=dict)

    def after(self, receipt: Receipt) -> None:
        """Take the next receipt."""
        self.position, self.since = receipt.position, dict(receipt.since)
        if not receipt.open:
            self.not_open[receipt.notice] = receipt.position
        first = self.since.get(NOTICES, receipt.position)
        self.not_open = {notice: at for notice, at in self.not_open.items() if at > first}


@dataclass
class _Waiting:
    """A notice that waits.

    Parameters
    ----------
    notice : Notice
    offset : int
        Its own on the topic.
    incidents : int
        Of the next incident when it was read.
    came_s : float
        When it was read.
    quiet : bool
        Whether it is not told, and only ends what is open.
    sent : bool
        Whether it may have arrived: it was tried, or a process that died may have done so.
    """

    notice: Notice
    offset: int
    incidents: int
    came_s: float
    quiet: bool
    sent: bool = False
    tries: int = 0


class Delivery:
    """Takes notices as they lie on the topic, and tells one receiver those that it wants.

    Parameters
    ----------
    receiver : Receiver
    transport : Transport
    receipts : Receipts
    timer : Timer
    standing : Standing
        Where it goes on.
    """

    def __init__(
        self,
        receiver: Receiver,
        transport: Transport,
        receipts: Receipts,
        timer: Timer,
        standing: Standing,
    ) -> None:
        self._receiver = receiver
        self._transport = transport
        self._receipts = receipts
        self._timer = timer
        self._standing = standing
        self._open = OpenIncidents(receiver.id)
        self._waiting: deque[_Waiting] = deque()
        self._came, self._room, self._recalled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._incidents = standing.since.get(INCIDENTS, 0)
        self._first = True  # the next notice to tell is the one that a former process ended at
        self._outage = _Outage(transport.delays_s, timer)
        self.status = ReceiverStatus(receiver.id, "running", oldest_s=self._oldest_s)

    async def offer(self, notice: Notice, offset: int) -> None:
        """Take the next notice of the topic; waits while too many wait to be told."""
        wanted = self._receiver.wants(notice)
        if offset < self._standing.position:
            self._recall(notice, offset, wanted=wanted)
            return
        quiet = not wanted
        if quiet and not (self._transport.follows and notice.reason in ENDS):
            return
        while len(self._waiting) >= AHEAD_MAX:
            self._room.clear()
            await self._room.wait()
        now_s = self._timer.elapsed_s()
        sent = self._first and wanted
        self._first = self._first and not wanted
        self._waiting.append(_Waiting(notice, offset, self._incidents, now_s, quiet, sent))
        self.status.waiting += wanted
        self._came.set()

    def _recall(self, notice: Notice, offset: int, *, wanted: bool) -> None:
        """Know again what was told before a restart."""
        if wanted and self._transport.follows and notice.id not in self._standing.not_open:
            self._open.told(notice, offset, self._incidents)
        elif notice.reason in ENDS:
            self._open.ended(notice)

    def hear(self, incident: Incident, offset: int) -> None:
        """Take the next revision of an incident."""
        self._incidents = offset + 1
        if self._transport.follows:
            self._open.heard(incident)

    def recalled(self) -> None:
        """All that lay on the topics when this began was offered: what was open is known again."""
        self._recalled.set()

    async def run(self) -> None:
        """Tell, until cancelled; a try on its way gets a moment to be confirmed and receipted.

        Raises
        ------
        RetryableError, FatalError
            When receipts cannot be kept.
        """
        while True:
            while self.status.disabled or not self._waiting:
                self._came.clear()
                await self._came.wait()
            trying = asyncio.create_task(self._settle(self._waiting[0]), name="notice")
            try:
                await asyncio.shield(trying)
            except asyncio.CancelledError:
                await asyncio.wait({trying}, timeout=DRAIN_S)
                trying.cancel()
                await asyncio.gather(trying, return_exceptions=True)
                raise
            if trying.result() == "again" and not self.status.disabled:
                await self._outage.wait(self._came)

    async def keep_open(self) -> None:
        """Say again and again what is open, where the receiver wants that, until cancelled.

        The first time as soon as that is known: the receiver may be about to forget it.
        """
        if not self._transport.resend_s:
            return
        await self._recalled.wait()
        while True:
            if (notices := list(self._open)) and not self.status.disabled:
                self._note(await self._transport.resend(notices))
            await self._timer.wait(self._transport.resend_s)

    async def _settle(self, head: _Waiting) -> Literal["done", "again"]:
        """Try the oldest notice once, or see that it need not be told."""
        if head.quiet:
            self._open.ended(head.notice)
            self._done(head)
        elif (by := self._superseded(head)) is not None:
            await self._keep(head, "superseded", f"{by.id} ({by.reason}) takes its place")
        else:
            self._came.clear()
            head.sent = True
            head.tries += 1
            return await self._judge(head, await self._try(head))
        return "done"

    async def _try(self, head: _Waiting) -> Answer:
        """Send it once; what cannot even be sent must not stop those behind it."""
        telling = Telling(head.notice, self._late_s(head), self._open.newest(head.notice))
        try:
            return await self._transport.tell(telling)
        except Exception as error:
            log.exception("%s: %s cannot be sent", self._receiver.id, head.notice.id)
            return Answer("refused", f"not sent, {type(error).__name__}: {error}")

    async def _judge(self, head: _Waiting, answer: Answer) -> Literal["done", "again"]:
        self._note(answer)
        waited_s = self._timer.elapsed_s() - head.came_s
        if answer.kind == "delivered":
            self._outage.over()
            await self._keep(head, "delivered", "")
        elif answer.kind == "refused":
            self._outage.over()
            log.error("%s: %s refused: %s", self._receiver.id, head.notice.id, answer.detail)
            await self._keep(head, "failed", f"refused: {answer.detail}")
        elif answer.kind == "retry" and waited_s >= self._transport.patience_s:
            log.error("%s: %s given up: %s", self._receiver.id, head.notice.id, answer.detail)
            await self._keep(head, "failed", f"given up: {answer.detail}")
        else:
            self._outage.failed(answer.after_s)
            return "again"
        return "done"

    def _note(self, answer: Answer) -> None:
        """What the last answer means to those who watch."""
        if answer.kind == "delivered":
            self.status.trouble = ""
            return
        self.status.failed_tries += 1
        if not self.status.trouble:
            log.warning("%s: not told: %s", self._receiver.id, answer.detail)
        self.status.trouble = answer.detail
        if answer.kind == "gone":
            self.status.disabled = True
            log.error(
                "%s: expected a receiver, got %s: it wants no more notices; nothing is sent to it "
                "until this process is started again, correct or remove it",
                self._receiver.id,
                answer.detail,
            )

    def _superseded(self, head: _Waiting) -> Notice | None:
        """The notice in sight that makes this one useless to its desk."""
        if head.sent and self._transport.refers:
            return None
        later = (one for one in self._waiting if not one.quiet and one is not head)
        return next((one.notice for one in later if _takes_place(one.notice, head.notice)), None)

    async def _keep(
        self, head: _Waiting, outcome: Literal["delivered", "failed", "superseded"], detail: str
    ) -> None:
        """Write the receipt, and go on to the next notice."""
        told = outcome == "delivered" and self._transport.follows
        is_open = told and self._open.told(head.notice, head.offset, head.incidents)
        behind = {NOTICES: head.offset + 1, INCIDENTS: self._incidents}
        now_ms = self._timer.now_ms()
        receipt = Receipt(
            receiver=self._receiver.id,
            notice=head.notice.id,
            outcome=outcome,
            at=datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            tries=head.tries,
            late_s=self._late_s(head),
            detail=detail,
            position=head.offset + 1,
            open=is_open,
            since=self._open.since(behind),
        )
        await self._receipts.append(receipt)
        self.status.outcomes[outcome] += 1
        self._done(head)

    def _done(self, head: _Waiting) -> None:
        self._waiting.popleft()
        self.status.waiting -= not head.quiet
        self._room.set()

    def _late_s(self, head: _Waiting) -> int:
        """Age of a notice if that makes it late."""
        age_s = self._age_s(head.notice)
        return int(age_s) if age_s >= self._receiver.late_after.ns / NS_PER_S else 0

    def _age_s(self, notice: Notice) -> float:
        return max(self._timer.now_ms() / 1000 - datetime.fromisoformat(notice.at).timestamp(), 0.0)

    def _oldest_s(self) -> float:
        """Age of the oldest notice that waits."""
        waits = (one.notice for one in self._waiting if not one.quiet)
        return next((self._age_s(notice) for notice in waits), 0.0)


def _takes_place(later: Notice, notice: Notice) -> bool:
    """Whether the same desk learns by it that the incident is over, or how it is watched now."""
    if (later.incident, later.desk) != (notice.incident, notice.desk):
        return False
    if notice.reason == HEARTBEAT:
        return later.reason == HEARTBEAT
    return bool(notice.incident) and later.reason in ENDS


class _Outage:
    """When a receiver that does not answer is tried again.

    A plan of delays for the outage as a whole, not for each notice. A notice that comes meanwhile
    is a reason to try at once: after hours the next try may be hours away.

    Parameters
    ----------
    delays_s : sequence of float
    timer : Timer
    """

    def __init__(self, delays_s: Sequence[float], timer: Timer) -> None:
        self._delays_s = delays_s
        self._timer = timer
        self._step = 0
        self._due_s = 0.0
        self._calm_s = CALM_S

    def over(self) -> None:
        """It has answered."""
        self._step, self._due_s = 0, 0.0

    def failed(self, after_s: float) -> None:
        """A try has failed; for so long it asked not to be called."""
        now_s = self._timer.elapsed_s()
        if now_s >= self._due_s:
            self._due_s = now_s + self._delays_s[min(self._step, len(self._delays_s) - 1)]
            self._step += 1
        self._calm_s = max(CALM_S, after_s)
        self._due_s = max(self._due_s, now_s + after_s)

    async def wait(self, came: asyncio.Event) -> None:
        """Wait for the next planned try, or for a notice that came since the last one."""
        wait_s = self._due_s - self._timer.elapsed_s()
        await self._timer.wait(min(wait_s, self._calm_s))
        if wait_s > self._calm_s:
            await self._timer.wait(wait_s - self._calm_s, came)
