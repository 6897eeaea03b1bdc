"""Partitions in memory: transactions, their markers, and fencing by epoch."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Literal

from contracts.errors import DataLoss, FatalError, Fenced, LogCut

BYTES_MAX = 200_000
State = Literal["open", "committed", "aborted"]


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction and where it wrote."""

    epoch: int
    state: State = "open"
    touched: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Written:
    """One record of a partition."""

    offset: int
    kind: str
    key: bytes
    body: bytes
    transaction: Transaction


@dataclass(slots=True)
class Partition:
    """Records in offset order; markers take offsets and hold no record."""

    written: list[Written] = field(default_factory=list)
    begin: int = 0
    end: int = 0


class MemoryBroker:
    """What outlives every worker."""

    def __init__(self) -> None:
        self._partitions: defaultdict[str, Partition] = defaultdict(Partition)
        self._epochs: Counter[str] = Counter()
        self._open: dict[str, Transaction] = {}

    def fence(self, writer: str) -> int:
        """Abort what the writer left open; its new epoch."""
        self._epochs[writer] += 1
        if writer in self._open:
            self._finish(writer, "aborted")
        return self._epochs[writer]

    def begin(self, writer: str, epoch: int) -> None:
        """Open a transaction."""
        self._check(writer, epoch)
        if writer in self._open:
            raise FatalError(f"{writer}: expected no open transaction")
        self._open[writer] = Transaction(epoch)

    def send(self, writer: str, epoch: int, place: str, record: tuple[str, bytes, bytes]) -> int:
        """Add (kind, key, body) to a partition within the open transaction; its offset."""
        self._check(writer, epoch)
        if len(record[2]) > BYTES_MAX:
            raise FatalError(f"{place}: record of {len(record[2])} bytes is too large")
        return self._add(place, record, self._open[writer])

    def commit(self, writer: str, epoch: int) -> None:
        """Make the transaction visible, whole."""
        self._check(writer, epoch)
        self._finish(writer, "committed")

    def put(self, place: str, body: bytes) -> int:
        """Add a stranger's record that no transaction holds."""
        return self._add(place, ("", b"stranger", body), Transaction(0, "committed"))

    def committed(
        self, place: str, first: int | None = None, what: str = "records"
    ) -> tuple[list[Written], int]:
        """Visible records of a partition from an offset on, and its end."""
        partition = self._partitions[place]
        begin = partition.begin if first is None else first
        if begin > partition.end:
            raise LogCut(place, partition.end, begin, what)
        if begin < partition.begin and not partition.begin == partition.end == begin + 1:
            raise DataLoss(place, begin, partition.begin - 1, what)
        begin = max(begin, partition.begin)
        visible = [w for w in partition.written if w.transaction.state == "committed"]
        return [w for w in visible if w.offset >= begin], partition.end

    def make_anew(self, place: str) -> None:
        """Delete a partition and make it again."""
        self._partitions.pop(place, None)

    def forget(self, place: str, before: int) -> None:
        """Drop records in front of an offset, as retention does."""
        self._partitions[place].begin = before

    def _check(self, writer: str, epoch: int) -> None:
        newest = self._epochs[writer]
        if epoch != newest:
            raise Fenced(f"{writer}: expected epoch {newest}, got {epoch}")

    def _add(self, place: str, record: tuple[str, bytes, bytes], within: Transaction) -> int:
        partition = self._partitions[place]
        partition.written.append(Written(partition.end, *record, within))
        partition.end += 1
        within.touched.add(place)
        return partition.end - 1

    def _finish(self, writer: str, state: State) -> None:
        transaction = self._open.pop(writer)
        transaction.state = state
        for place in transaction.touched:
            self._partitions[place].end += 1
