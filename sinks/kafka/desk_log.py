"""Where the desk stage's log keeps what."""

from typing import Final

from contracts.desk.journal import DeskEntry, decode_desk_entry, encode_desk_entry
from contracts.topics import TopicNames
from sinks.kafka.log_layout import LogLayout, Place

DESK: Final = "desk"  # stands where a lane has its lifeline


def desk_layout(names: TopicNames) -> LogLayout[DeskEntry]:
    """Layout of the desk stage: partition 0 everywhere, marks among incidents.

    Examples
    --------
    >>> layout = desk_layout(TopicNames())
    >>> str(layout.marks), str(layout.place_of("current"))
    ('tocsin.incidents[0]', 'tocsin.alarms.current[0]')
    """
    places = {
        "incident": Place(names.incidents, 0),
        "current": Place(names.current, 0),
        "notice": Place(names.notices, 0),
        "dead_letter": Place(names.dead_letters, 0),
    }
    return LogLayout(
        Place(names.journal(DESK), 0),
        Place(names.manifests(DESK), 0),
        places["incident"],
        places.__getitem__,
        encode_desk_entry,
        decode_desk_entry,
    )
