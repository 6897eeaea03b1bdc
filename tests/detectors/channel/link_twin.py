"""The watch over links as it would be written without arrays."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from detectors.channel.links import LEAST, WITHIN_S

Told = tuple[int, str, int, int]  # second, what, channel or link, how many are heard


@dataclass
class LinkTwin:
    """Channels that are silent after a while, and the links by which they speak.

    Parameters
    ----------
    link_of : list of int
        Link of each channel, -1 for none.
    after_s : int
    began_s : int
        Second at which the wait begins.
    """

    link_of: list[int]
    after_s: int
    began_s: int
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now_s = self.began_s
        self.deadline_s = dict.fromkeys(range(len(self.link_of)), self.began_s + self.after_s)
        self.rung: set[int] = set()
        self.held: dict[int, int] = {}  # channel: second at which it fell silent
        self.waiting: dict[int, int] = {}  # channel: second at which it is told
        self.folded: set[int] = set()
        self.open: dict[int, int] = {}  # link: second at which it opened
        self.counted: dict[int, int] = {}

    def of(self, link: int, channels: Iterable[int]) -> list[int]:
        """Those of some channels that a link carries."""
        return [row for row in channels if self.link_of[row] == link]

    def size(self, link: int) -> int:
        """How many channels a link carries."""
        return self.link_of.count(link)

    def pass_to(self, now_s: int) -> None:
        """Let seconds pass."""
        while (soonest_s := min(self._due_s(), default=now_s + 1)) <= now_s:
            self.now_s = soonest_s
            self._second(soonest_s)
        self.now_s = now_s

    def _due_s(self) -> list[int]:
        """Seconds to come at which something is due."""
        own = [*self.deadline_s.values(), *self.waiting.values()]
        later = [at_s + WITHIN_S for at_s in (*self.held.values(), *self.open.values())]
        return [at_s for at_s in (*own, *later) if at_s > self.now_s]

    def _second(self, now_s: int) -> None:
        for row in range(len(self.link_of)):
            if self.held.get(row) == now_s - WITHIN_S or self.waiting.get(row) == now_s:
                self.held.pop(row, None)
                self.waiting.pop(row, None)
                self._ring(now_s, row)
            if self.deadline_s.get(row) == now_s:
                del self.deadline_s[row]
                self._fall(now_s, row)
        for link in sorted(set(self.link_of) - {-1}):
            self._judge(now_s, link)

    def _fall(self, now_s: int, row: int) -> None:
        link = self.link_of[row]
        if link < 0:
            self._ring(now_s, row)
        elif link in self.open:
            self.folded.add(row)
        else:
            self.held[row] = now_s

    def _ring(self, now_s: int, row: int) -> None:
        self.rung.add(row)
        self.told.append((now_s, "silent", row, 0))

    def _judge(self, now_s: int, link: int) -> None:
        held = self.of(link, self.held)
        if link in self.open:
            if now_s == self.open[link] + WITHIN_S:
                self._recount(now_s, link)
        elif len(held) >= LEAST and 100 * len(held) >= 30 * self.size(link):
            for row in [*held, *self.of(link, self.waiting)]:
                self.held.pop(row, None)
                self.waiting.pop(row, None)
                self.folded.add(row)
            self.open[link] = now_s
            self.counted[link] = len(self.of(link, self.folded))
            self._say(now_s, "opens", link)

    def _recount(self, now_s: int, link: int) -> None:
        count = len(self.of(link, self.folded))
        if count != self.counted[link]:
            self.counted[link] = count
            self._say(now_s, "counts", link)

    def _say(self, now_s: int, what: str, link: int) -> None:
        self.told.append((now_s, what, link, self.size(link) - self.counted[link]))

    def hear(self, row: int) -> None:
        """Let one reading come, at the present second."""
        now_s = self.now_s
        self.deadline_s[row] = now_s + self.after_s
        self.held.pop(row, None)
        self.waiting.pop(row, None)
        if row in self.rung:
            self.rung.remove(row)
            self.told.append((now_s, "heard", row, 0))
        if row in self.folded:
            self.folded.remove(row)
            self._back(now_s, self.link_of[row])

    def _back(self, now_s: int, link: int) -> None:
        left = self.of(link, self.folded)
        if 100 * len(left) >= 15 * self.size(link):
            return
        self.counted[link] = len(left)
        self._say(now_s, "over", link)
        del self.open[link]
        for row in left:
            self.folded.remove(row)
            self.waiting[row] = now_s + self.after_s
