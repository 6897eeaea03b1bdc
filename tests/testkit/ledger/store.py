"""A ledger's store in memory, whose writes may fail, and records to fill it with."""

import errno
import random
from collections.abc import Iterable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.ports.projection import Positions, TopicRecord
from sinks.ledger.ledger import Ledger
from sinks.ledger.note import Signer

ORIGIN = "tocsin.test/ledger"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TOPICS = ("tocsin.alarms.water", "tocsin.incidents", "tocsin.journal.desk")


class MemoryFiles:
    """Files in a dict; write number `fails_at` raises, before its effect or behind it."""

    root = "memory"

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.fails_at = 0
        self.behind = False
        self.writes = 0

    def get(self, name: str) -> bytes | None:
        return self.files.get(name)

    def put(self, name: str, data: bytes) -> None:
        if self._fails() and not self.behind:
            raise OSError(errno.EIO, name)
        self.files[name] = data
        if self.writes == self.fails_at:
            raise OSError(errno.EIO, name)

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        for name, data in files:
            self.put(name, data)

    def delete(self, name: str) -> None:
        if self._fails() and not self.behind:
            raise OSError(errno.EIO, name)
        self.files.pop(name, None)
        if self.writes == self.fails_at:
            raise OSError(errno.EIO, name)

    def _fails(self) -> bool:
        self.writes += 1
        return self.writes == self.fails_at

    def names(self, folder: str) -> list[str]:
        begin = f"{folder}/"
        return sorted(name.removeprefix(begin) for name in self.files if name.startswith(begin))


def records(count: int, seed: int = 0) -> list[TopicRecord]:
    """Records of several partitions, mixed; offsets have holes, as behind transactions."""
    chance, offsets = random.Random(seed), dict.fromkeys(range(6), 0)
    found = []
    for i in range(count):
        place = chance.randrange(6)
        offsets[place] += chance.choice((1, 1, 2))
        value = b'{"id":"a-%016x","revision":%d,"text":"%s"}' % (i, i % 4, b"x" * (i % 90))
        key = b"a-%016x" % i
        where = TOPICS[place % 3], place // 3, offsets[place]
        found.append(TopicRecord(*where, 1_000 * i, key, value, "alarm"))
    return found


def fed(
    files: MemoryFiles, told: Sequence[TopicRecord], step: int, signer: Signer = SIGNER
) -> None:
    """Let a ledger take records, so many in a step."""
    ledger = Ledger(files, signer)
    for begin in range(0, len(told), step):
        some = told[begin : begin + step]
        ledger.apply(some, behind(some))


def behind(told: Sequence[TopicRecord]) -> Positions:
    """Positions behind records."""
    return {(one.topic, one.partition): one.offset + 1 for one in told}
