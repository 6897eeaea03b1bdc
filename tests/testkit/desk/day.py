"""A desk stage's day in a few moments: alarms of three lanes, commands, clocks; and its judge."""

from collections import Counter

from contracts.desk.journal import DeskTick
from contracts.ports.lane_log import Message
from tests.testkit.desk.alarms import alarm, alarm_id, shelving
from tests.testkit.desk.plain_desk import ACKNOWLEDGE_S, incident_of
from tests.testkit.desk.world import LANES, DeskCrew, DeskWorld

KINDS = ("incident", "current", "notice", "dead_letter")


class DeskDay:
    """Feeds a world's stage, one piece of the day after the other.

    Parameters
    ----------
    world : DeskWorld
    """

    def __init__(self, world: DeskWorld) -> None:
        self.world = world
        self._next = 0
        self._lane: dict[int, str] = {}

    def ring(self, alarms: int = 20, **changed: str) -> list[int]:
        """Alarms of each lane, the fifth of them orange; their numbers."""
        numbers: list[int] = []
        at_s = self.world.clock.time_ms // 1000
        for lane in LANES:
            new = list(range(self._next, self._next + alarms))
            self._next += alarms
            numbers += new
            self._lane |= dict.fromkeys(new, lane)
            bodies = [
                alarm(n, at_s, **{"colour": "orange" if n % 5 == 0 else "blue"} | changed)
                for n in new
            ]
            self.world.ring(lane, *bodies)
        return numbers

    def clear(self, numbers: list[int]) -> None:
        """The alarms are over."""
        at_s = self.world.clock.time_ms // 1000
        for lane in LANES:
            own = [
                n for i, n in enumerate(numbers) if LANES[i * len(LANES) // len(numbers)] == lane
            ]
            self.world.ring(lane, *(alarm(n, at_s, revision=2, state="cleared") for n in own))

    async def ticked(self, crew: DeskCrew) -> None:
        """Wait until clocks that are due have fired."""

        def holds() -> bool:
            ticks = [e.change for e in self.world.journal() if isinstance(e.change, DeskTick)]
            return bool(ticks) and ticks[-1].time_s >= self.world.clock.time_ms // 1000

        await crew.until(holds)

    async def pass_by(self, crew: DeskCrew) -> None:
        """Live the whole day."""
        for _ in range(2):
            numbers = self.ring()
            self.world.ring("water-1", b"no alarm", b"\xff{")
            self.world.shelve("water-0", shelving())
            self.world.shelve("power-0", b"no shelving")
            await crew.caught_up()
            self.world.command(kind="acknowledge", target=alarm_id(numbers[1]))
            self.world.command(kind="acknowledge", target=incident_of(alarm_id(numbers[0])))
            self.world.command(kind="acknowledge", target="a-0000000000000000")
            self.world.command(kind="comment", target=alarm_id(numbers[1]), reason="look")
            await crew.caught_up()
            self.world.clock.time_ms += (ACKNOWLEDGE_S + 5) * 1000
            await self.ticked(crew)
            self.clear(numbers[:30])
            await crew.caught_up()

    def told(self) -> dict[str, list[Message]]:
        """Committed outputs by kind."""
        return {kind: self.world.told(kind) for kind in KINDS}

    def assert_told_once(self, least: int = 200) -> None:
        """What the world was told is what a calm replay of the journal tells, once and in order."""
        _, golden = self.world.replayed()
        assert len(golden) >= least
        assert self.told() == {kind: [m for m in golden if m.kind == kind] for kind in KINDS}
        counts = Counter(message.kind for message in golden)
        assert all(counts[kind] for kind in KINDS), counts
