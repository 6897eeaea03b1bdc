"""Links whose channels lie thinly over many lanes: their silences, told one by one, are joined.

A lane rings for a link when enough of the channels that it has fall silent together. Where no lane
has enough, each tells its channels one by one, with the link by which they speak. What is enough is
counted here over all lanes.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from alarms.incidents.members import BY_LINK, WITHIN_S, Cause, Entry
from alarms.incidents.topology import Path

LEAST: Final = 20  # channels; lifelines.md section 19.2 item 5, as lanes have it
SHARE: Final = 30  # percent of those that the link carries, in all lanes
# So many are enough whatever their share: what is looked at for each alarm must have a bound. [E]
MOST: Final = 200
SUSPECTED: Final = 600  # thousandths: more than is needed to explain, less than a near alarm's word
LATEST_S: Final = 300  # delay of section 19.1 row 8
Row = tuple[int, str, Entry]  # onset, id: entries are never compared


def needed(channels: int) -> int:
    """How many silent channels of a link are enough, by how many it carries; 0 where unknown.

    >>> [needed(channels) for channels in (0, 30, 400, 30_000)]
    [20, 20, 120, 200]
    """
    return min(max(LEAST, -(-SHARE * channels // 100)), MOST)


def way_to(link: str) -> Path:
    """The edge from a link to what speaks by it, with the figures of section 19.1 row 8 [E]."""
    return Path(
        parent=link,
        kind=BY_LINK,
        hops=1,
        earliest_s=0,
        latest_s=LATEST_S,
        usual_s=60,
        spread_s=600,
        prior=0.9,
        causes=frozenset(),
        effects=frozenset(),
        finding="silent",
    )


def crowd(rows: Sequence[Row], at: int, enough: int) -> Sequence[Row]:
    """Rows of all stretches of three minutes that hold one of them and enough channels.

    Parameters
    ----------
    rows : sequence of Row
        Rising. Twice as many as are enough are looked at on either side: a longer stretch is a
        chain of such.
    at : int
        Place of the one.
    enough : int
        Channels.

    Returns
    -------
    sequence of Row
        Empty when there is no such stretch.
    """
    onset_s = rows[at][0]
    begin = max(bisect_left(rows, (onset_s - WITHIN_S,)), at - 2 * enough)
    behind = min(bisect_left(rows, (onset_s + WITHIN_S + 1,)), at + 2 * enough)
    channels: Counter[str] = Counter()
    first, last = behind, begin - 1
    for end in range(begin, behind):
        channels[rows[end][2].channel] += 1
        while rows[end][0] - rows[begin][0] > WITHIN_S:
            _less(channels, rows[begin][2].channel)
            begin += 1
        if begin <= at <= end and len(channels) >= enough:
            first, last = min(first, begin), end
    return rows[first : last + 1]


def _less(channels: Counter[str], channel: str) -> None:
    channels[channel] -= 1
    if not channels[channel]:
        del channels[channel]


class ThinLinks:
    """Silent channels by the link that their alarms name.

    Parameters
    ----------
    channels : mapping of str to int
        How many channels speak by each link, in all lanes of all lifelines.
    """

    def __init__(self, channels: Mapping[str, int]) -> None:
        self._channels = channels
        self._silent: dict[str, list[Row]] = {}

    def add(self, entry: Entry) -> None:
        """Remember a silent channel that names its link."""
        insort(self._silent.setdefault(entry.link, []), (entry.onset_s, entry.id, entry))

    def remove(self, entry: Entry) -> None:
        """Forget it."""
        rows = self._silent[entry.link]
        del rows[bisect_left(rows, (entry.onset_s, entry.id))]
        if not rows:
            del self._silent[entry.link]

    def crowd(self, entry: Entry) -> list[tuple[Entry, Cause]]:
        """The channels with which a remembered one throws suspicion on its link, itself too."""
        rows = self._silent[entry.link]
        at = bisect_left(rows, (entry.onset_s, entry.id))
        enough = needed(self._channels.get(entry.link, 0))
        cause = Cause(SUSPECTED, "", BY_LINK, 1, 0)
        return [(other, cause) for _, _, other in crowd(rows, at, enough)]
