"""A sender that costs next to nothing: record batches made once and stamped anew each time.

All readings of a batch have texts of the same width, so that time and value stand at a fixed
stride; a moment is written into all of them at once. One JSON reading a message, no compression.
"""

import asyncio
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import numpy as np
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from benchmarks.support.traffic import by_lane
from ingest.kafka.crc32c import crc32c

MOST = 5_000  # readings of a batch, as many as a worker's poll
MOST_BYTES = 1_000_000  # of a batch, a little less than a broker takes
IN_FLIGHT = 6  # requests
TIMEOUT_MS = 10_000
TIME = "2026-01-01T00:00:00.000Z"
DIP = "0.5000"
HEADER = 61  # bytes before the first record
CRC_AT, SUMMED_AT, TIMES_AT = 17, 21, 27  # in it: checksum, what that covers, first and last time
ONE_BYTE = 64  # records whose place in the batch takes one byte, not two
TWO_BYTES = 8192


class Stencil:
    """A record batch (v2) with one reading of each channel.

    Parameters
    ----------
    ids : sequence of str
        At most 8192.
    chance : random.Random
        Of the values, near 5.
    """

    def __init__(self, ids: Sequence[str], chance: random.Random) -> None:
        assert len(ids) <= TWO_BYTES, f"expected at most {TWO_BYTES} ids, got {len(ids)}"
        width = max(map(len, ids))
        batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, MOST_BYTES)
        for i, name in enumerate(ids):
            blanks = " " * (width - len(name) + (i < ONE_BYTE))
            told = f'{{"channel": "{name}",{blanks} "time": "{TIME}", '
            told += f'"value": {chance.uniform(4.98, 5.02):.4f}, "quality": "good"}}'
            taken = batch.append(i, 0, None, told.encode(), [])
            assert taken is not None, f"expected a batch below {MOST_BYTES} bytes"
        self._bytes = bytearray(batch.build())
        self.count = len(ids)
        stride, odd = divmod(len(self._bytes) - HEADER, self.count)
        assert not odd, "expected records of the same width"
        first = self._bytes.index(TIME.encode())
        self._times = self._every(stride, first, len(TIME))
        behind = first + len(f'{TIME}", "value": ')
        self._values = self._every(stride, behind, len(DIP))
        assert (self._times == TIME.encode()).all(), "expected times at a fixed stride"

    def _every(self, stride: int, first: int, width: int) -> np.ndarray:
        """A text of each record, in place."""
        return np.ndarray((self.count,), f"S{width}", self._bytes, first, (stride,))

    def stamped(self, dip: int | None) -> bytes:
        """The batch with the moment in all its readings, one of them dipping."""
        now_ms = time.time_ns() // 1_000_000
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        self._times[:] = moment.replace("+00:00", "Z").encode()
        struct.pack_into(">qq", self._bytes, TIMES_AT, now_ms, now_ms)
        if dip is None:
            return self._sealed()
        usual = self._values[dip]
        self._values[dip] = DIP.encode()
        made = self._sealed()
        self._values[dip] = usual
        return made

    def _sealed(self) -> bytes:
        struct.pack_into(">I", self._bytes, CRC_AT, crc32c(memoryview(self._bytes)[SUMMED_AT:]))
        return bytes(self._bytes)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender has done, warming included.

    Parameters
    ----------
    readings : int
        All of them, and the broker has taken them.
    rate : float
        Readings a second.
    late_s : float
        How far the sender was behind its own pace, at most.
    dips : int
        In the part that is measured.
    """

    readings: int
    rate: float
    late_s: float
    dips: int


@dataclass(slots=True)
class Pace:
    """A steady sender, for a process of its own.

    Parameters
    ----------
    bootstrap, topic : str
    channels : list of str
        All of them come in turn.
    lanes : int
    rate, dips_per_s : float
        Readings a second, and those of them that leave the limits: another channel each time,
        whose next reading is inside again.
    warm_s, seconds : float
        How long it goes on before and while it is measured.
    """

    bootstrap: str
    topic: str
    channels: list[str]
    lanes: int
    rate: float
    dips_per_s: float
    warm_s: float
    seconds: float

    def run(self, told: Connection) -> None:
        """Send; the moment at which measuring begins is told, and at the end a `Sent`."""
        asyncio.run(self._run(told))

    def _stencils(self) -> list[tuple[int, Stencil, list[int]]]:
        """Lane, batch, and the order in which its channels dip; lanes take turns."""
        chance = random.Random(round(self.rate))
        found = []
        for lane, ids in by_lane(self.channels, self.lanes).items():
            parts = -(-len(ids) // MOST)
            for part in range(parts):
                some = ids[part::parts]
                order = chance.sample(range(len(some)), len(some))
                found.append((part, lane, Stencil(some, chance), order))
        found.sort(key=lambda batch: batch[:2])
        return [batch[1:] for batch in found]

    async def _run(self, told: Connection) -> None:
        stencils = self._stencils()
        stencils[0][1].stamped(None)  # the checksum is compiled
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap)
        await client.bootstrap()
        try:
            await client.set_topics([self.topic])
            for lane, _, _ in stencils:
                assert await client.ready(self._leader(client, lane)), "expected a broker"
            await self._send_all(client, stencils, told)
        finally:
            await client.close()

    async def _send_all(
        self,
        client: AIOKafkaClient,
        stencils: list[tuple[int, Stencil, list[int]]],
        told: Connection,
    ) -> None:
        room = asyncio.Semaphore(IN_FLIGHT)
        began = time.perf_counter()
        count = turn = dips = before = 0
        late_s, measuring = 0.0, False
        async with asyncio.TaskGroup() as group:
            while (now := time.perf_counter() - began) < self.warm_s + self.seconds:
                if now >= self.warm_s and not measuring:
                    measuring, before, late_s = True, dips, 0.0
                    told.send(time.time_ns() // 1_000_000 / 1000)  # as readings are stamped
                late_s = max(late_s, now - count / self.rate)
                lane, stencil, order = stencils[turn % len(stencils)]
                dip = None
                if now * self.dips_per_s > dips:
                    dip = order[dips % len(order)]
                    dips += 1
                await room.acquire()
                group.create_task(self._send(client, lane, stencil.stamped(dip), room))
                count += stencil.count
                turn += 1
                await asyncio.sleep(max(count / self.rate - (time.perf_counter() - began), 0))
        told.send(Sent(count, count / (time.perf_counter() - began), late_s, dips - before))

    async def _send(
        self, client: AIOKafkaClient, lane: int, batch: bytes, room: asyncio.Semaphore
    ) -> None:
        """One request; the broker has to take it."""
        try:
            asked = ProduceRequest(None, 1, TIMEOUT_MS, [(self.topic, [(lane, batch)])])
            answer = await client.send(self._leader(client, lane), asked)
            for _, parts in answer.topics:
                for _, code, *_ in parts:
                    if code:
                        raise for_code(code)
        finally:
            room.release()

    def _leader(self, client: AIOKafkaClient, lane: int) -> int | None:
        """Node of a lane's partition."""
        leader: int | None = client.cluster.leader_for_partition(TopicPartition(self.topic, lane))
        return leader
