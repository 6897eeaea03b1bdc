"""On-delay, hysteresis, off-delay and learning gate, in plain Python."""

from dataclasses import dataclass, field


@dataclass
class LevelTwin:
    """The level of one rule on one channel."""

    on_ns: int | list[int]  # of all colours, or of each
    off_ns: int
    level: int = 0
    since: dict[int, int] = field(default_factory=dict)  # by colour breached without a break
    left: int | None = None  # when the present colour was left
    fall_to: int = 0

    def advance(self, breached: int, held: int, time_ns: int) -> tuple[int, int, int] | None:
        """Colour before, colour after and onset, when the colour changed."""
        was = self.level
        for colour in range(1, 5):
            if colour <= breached:
                self.since.setdefault(colour, time_ns)
            else:
                self.since.pop(colour, None)
        waits = [self.on_ns] * 4 if isinstance(self.on_ns, int) else self.on_ns
        over = (c for c, at in self.since.items() if time_ns - at >= waits[c - 1])
        rung = max(over, default=0)
        if rung > self.level or held >= self.level:
            self.level = max(self.level, rung)
            self.left, self.fall_to = None, 0
        else:
            self.fall_to = max(self.fall_to, held)
            self.left = time_ns if self.left is None else self.left
            if time_ns - self.left >= self.off_ns:
                self.level, self.left, self.fall_to = self.fall_to, None, 0
        if self.level == was:
            return None
        return was, self.level, self.since.get(1, time_ns)


@dataclass
class Gate:
    """The learning gate of one rule on one channel; without an age it is always open."""

    relearn_ns: int | None
    closed: int | None = None

    def opens(self, *, calm: bool, time_ns: int) -> bool:
        """Whether this value may be learned."""
        if calm or self.relearn_ns is None:
            self.closed = None
            return True
        self.closed = time_ns if self.closed is None else self.closed
        return time_ns - self.closed >= self.relearn_ns
