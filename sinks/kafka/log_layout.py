"""Where a lane's log keeps what: topics, partitions and the form of journal entries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from contracts.journal import Entry, decode_entry, encode_entry
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.topics import TopicNames

E = TypeVar("E")
_TO_ALARMS: Final = {"alarm", "shelving"}
_TO_SHADOW: Final = {"shadow", "canary"}  # what nobody is told of


class Place(NamedTuple):
    """One partition of a topic.

    >>> str(Place("tocsin.alarms.water", 3))
    'tocsin.alarms.water[3]'
    """

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class LogLayout(Generic[E]):
    """What is kept where.

    Parameters
    ----------
    journal, manifests, marks : Place
        The lane's own partitions.
    place_of : callable
        Where a message of some kind goes.
    encode, decode : callable
        Journal entry to bytes and back; `msgspec.DecodeError` when the bytes are none.
    """

    journal: Place
    manifests: Place
    marks: Place
    place_of: Callable[[str], Place]
    encode: Callable[[E], bytes]
    decode: Callable[[bytes], E]

    def place(self, message: Message) -> Place:
        """Where a message goes."""
        return self.place_of(message.kind)


def lane_layout(lane: LaneName, names: TopicNames, shared_partitions: int = 1) -> LogLayout[Entry]:
    """Layout of a lane: its partition of each of its lifeline's topics, and two shared topics.

    Parameters
    ----------
    lane : LaneName
    names : TopicNames
    shared_partitions : int
        Partitions of the topics of dead letters and of shadows.
    """
    alarms = Place(names.alarms(lane.lifeline), lane.number)
    shared = lane.number % shared_partitions

    def place_of(kind: str) -> Place:
        if kind in _TO_ALARMS:
            return alarms
        return Place(names.shadow if kind in _TO_SHADOW else names.dead_letters, shared)

    return LogLayout(
        Place(names.journal(lane.lifeline), lane.number),
        Place(names.manifests(lane.lifeline), lane.number),
        alarms,
        place_of,
        encode_entry,
        decode_entry,
    )
