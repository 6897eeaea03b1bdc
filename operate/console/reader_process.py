"""The process that reads for the console: `python -m operate.console.reader_process FOLDER`.

It alone loads rules and compiled kernels. It ends when nobody has asked for a while, when its input
ends, and with the console.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from functools import cached_property
from pathlib import Path
from typing import IO, Final

import msgspec

from configuration.configuration import Configuration
from contracts.errors import ConfigError, TocsinError
from contracts.ports.recovery import Recovery
from operate.console.city import ConfiguredCity
from operate.console.description import CHANNELS_MAX, write_channels
from operate.console.messages import (
    BUFFER_BYTES,
    Answer,
    Answered,
    Asked,
    Describe,
    Described,
    Found,
    Question,
    Recover,
    Recovered,
    Refused,
    framed,
    received,
)
from operate.console.readings import TelemetryReadings
from operate.console.recovery import HistoryRecoveries
from operate.settings import settled
from runtime.supervision import end_with_parent

IDLE_S: Final = 300.0  # whoever looks at one trend looks at the next


class Answers:
    """Answers questions about a configuration, which is read with the first of them.

    Parameters
    ----------
    arguments : argparse.Namespace
        `configs` and `bootstrap`.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments

    @cached_property
    def _configuration(self) -> Configuration:
        return settled(self._arguments)

    @cached_property
    def _readings(self) -> TelemetryReadings:
        return TelemetryReadings(self._configuration)

    @cached_property
    def _recoveries(self) -> HistoryRecoveries:
        return HistoryRecoveries(self._configuration, self._configuration.topology)

    async def to(self, what: Question) -> Answer:
        """Answer one question."""
        try:
            if isinstance(what, Describe):
                return self._described(Path(what.channels))
            if isinstance(what, Recover):
                return Recovered(await self._recovery(what))
            return Found(
                await self._readings.around(what.lifeline, what.lane, what.channel, what.window)
            )
        except ConfigError as error:
            return Refused("configuration", list(error.findings))
        except (TocsinError, OSError) as error:
            return Refused("later", [str(error)])

    async def _recovery(self, what: Recover) -> Recovery:
        if what.incident:
            return await self._recoveries.of_incident(what.incident)
        return await self._recoveries.since(what.begins_ms)

    def _described(self, channels: Path) -> Described:
        configuration = self._configuration
        if sum(map(len, configuration.catalogues.values())) > CHANNELS_MAX:
            return Described(None)
        city = ConfiguredCity(self._arguments.configs, configuration)
        write_channels(channels, city.channels())
        return Described(city.described())


async def serve(answers: Answers, out: IO[bytes], idle_s: float = IDLE_S) -> None:
    """Answer what comes on standard input until it ends, or nothing has come for a while."""
    pipe = asyncio.StreamReader(BUFFER_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin
    )
    busy: set[asyncio.Task[None]] = set()

    async def answer(asked: Asked) -> None:
        out.write(framed(Answered(asked.number, await answers.to(asked.what))))
        out.flush()

    while True:
        try:
            async with asyncio.timeout(idle_s):
                body = await received(pipe)
        except asyncio.IncompleteReadError:
            return
        except TimeoutError:
            if busy:
                continue
            return
        asked = msgspec.msgpack.decode(body, type=Asked)
        task = asyncio.create_task(answer(asked), name=f"question-{asked.number}")
        busy.add(task)
        task.add_done_callback(busy.discard)


def main() -> None:
    """Serve the console that has started this process."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the console says when to end
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", type=Path)
    parser.add_argument("--bootstrap")
    logging.basicConfig(level=logging.ERROR)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may come between answers
        asyncio.run(serve(Answers(parser.parse_args()), out))


if __name__ == "__main__":
    main()
