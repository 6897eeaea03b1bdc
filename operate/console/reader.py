"""Asks a process beside the console for what takes rules and compiled kernels to answer."""

import asyncio
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from contracts.errors import RetryableError
from contracts.ports.console import City
from contracts.ports.readings import ReadingsSpan, Window
from contracts.ports.recovery import Recovery
from operate.console.description import DescribedCity
from operate.console.messages import (
    AGAIN_S,
    BUFFER_BYTES,
    Answer,
    Answered,
    Asked,
    Describe,
    Described,
    Found,
    Look,
    Question,
    Recover,
    Recovered,
    Refused,
    framed,
    received,
)
from runtime.supervision import environment_of_child

PROGRAM: Final = "operate.console.reader_process"
LOOK_S: Final = 120.0  # it may have to compile first
CLOSE_S: Final = 2.0
TRIES: Final = 2


class Reader:
    """A `ChannelReadings` and `Recoveries`, and what describes the city.

    Its process is there while it is needed.

    Parameters
    ----------
    folder : Path
    bootstrap : str or None
        Brokers, instead of the configured ones.
    """

    def __init__(self, folder: Path, bootstrap: str | None = None) -> None:
        self._words = [str(folder), *([] if bootstrap is None else ["--bootstrap", bootstrap])]
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        there = self._process is not None and self._process.returncode is None
        return self._process.pid if there and self._process is not None else None

    async def city(self) -> City | None:
        """The city of the folder; None when its channels are too many to be written down.

        The process ends with it: of whom nobody may ask more for hours, nothing should be left.

        Raises
        ------
        ConfigError
            With every finding in every file.
        """
        with TemporaryDirectory(prefix="tocsin-console-") as place:
            channels = Path(place, "channels.sqlite")
            try:
                answer = await self._answer(Describe(str(channels)))
            finally:
                await self.close()
            if not isinstance(answer, Described):
                raise self._surprise(answer)
            return None if answer.city is None else DescribedCity(answer.city, channels)

    async def around(self, lifeline: str, lane: int, channel: str, window: Window) -> ReadingsSpan:
        """See `ChannelReadings`."""
        answer = await self._in_time("readings", Look(lifeline, lane, channel, window))
        if not isinstance(answer, Found):
            raise self._surprise(answer)
        return answer.span

    async def since(self, begins_ms: int) -> Recovery:
        """See `Recoveries`."""
        return await self._recovery(Recover("", begins_ms))

    async def of_incident(self, incident: str) -> Recovery:
        """See `Recoveries`."""
        return await self._recovery(Recover(incident))

    async def _recovery(self, what: Recover) -> Recovery:
        answer = await self._in_time("recovery", what)
        if not isinstance(answer, Recovered):
            raise self._surprise(answer)
        return answer.recovery

    async def _in_time(self, name: str, what: Question) -> Answer:
        """An answer; who does not give one has its process ended."""
        try:
            async with asyncio.timeout(LOOK_S):
                return await self._answer(what)
        except TimeoutError as error:
            self._kill()
            msg = f"{name}: expected an answer within {LOOK_S:g} s, got none; try again"
            raise RetryableError(msg, AGAIN_S) from error

    @staticmethod
    def _surprise(answer: Answer) -> Exception:
        if isinstance(answer, Refused):
            return answer.error()
        return TypeError(f"expected an answer to what was asked, got {type(answer).__name__}")

    async def _answer(self, what: Question) -> Answer:
        """Ask; a process that has just ended for want of questions is started again."""
        for _ in range(TRIES):
            with suppress(ConnectionError, EOFError):
                return await self._once(what)
        msg = f"{PROGRAM}: expected an answer, it has ended; see the console's log, and try again"
        raise RetryableError(msg, AGAIN_S)

    async def _once(self, what: Question) -> Answer:
        process, number = await self._started(), next(self._numbers)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            assert process.stdin is not None, "it has pipes"
            process.stdin.write(framed(Asked(number, what)))
            await process.stdin.drain()
            answer: Answer = await waiting
        finally:
            self._waiting.pop(number, None)
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._hearing is None or self._hearing.done():
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", PROGRAM, *self._words),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env=environment_of_child(),
                    limit=BUFFER_BYTES,
                )
                self._hearing = asyncio.create_task(self._hear(self._process), name="reader")
            return self._process

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        """Hand out answers until the process ends."""
        assert process.stdout is not None, "it has pipes"
        with suppress(asyncio.IncompleteReadError):
            while True:
                body = await received(process.stdout)
                answered = msgspec.msgpack.decode(body, type=Answered)
                waiting = self._waiting.pop(answered.number, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answered.what)
        await process.wait()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EOFError())

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End the process; bounded in time."""
        process, hearing = self._process, self._hearing
        if process is None or hearing is None:
            return
        assert process.stdin is not None, "it has pipes"
        process.stdin.close()
        _, late = await asyncio.wait([hearing], timeout=CLOSE_S)
        if late:
            self._kill()
            await asyncio.wait([hearing], timeout=CLOSE_S)
