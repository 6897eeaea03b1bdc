"""A lane's day in a few seconds: readings, silence, ticks, commands; and its judge."""

import json
from collections import Counter

from contracts.journal import Accept, Shelve, Tick, Unshelve
from contracts.ports.lane_log import Message
from ingest.partitioner import home_lane
from pipeline.snapshot.store import SnapshotStore
from tests.testkit import city
from tests.testkit.world import LANES, Crew, World

BEGAN_MS = 1_700_000_000_000
MESSAGES = 200
STEP_MS = 20


class Day:
    """Feeds one lane of a world, one piece of the day after the other.

    Parameters
    ----------
    world : World
    number : int
        The lane.
    filing : bool
        Whether each hour ends with a snapshot, however busy the machine is.
    """

    def __init__(self, world: World, number: int = 0, *, filing: bool = False) -> None:
        self.world = world
        self.filing = filing
        self.number = number
        channels = world.plans.channels
        self.channels = [c for c in channels if home_lane(c.rsplit(".", 1)[0], LANES) == number]
        self._telemetry = city.Telemetry(self.channels, seed=5)
        world.clock.time_ms = max(world.clock.time_ms, BEGAN_MS)

    def readings(self, messages: int = MESSAGES) -> None:
        """Add telemetry from the clock's time on, and wind the clock behind it."""
        clock = self.world.clock
        times = [clock.time_ms + STEP_MS * i for i in range(messages)]
        stream = self.world.streams[self.number]
        stream.add((time_ms, self._telemetry.message(time_ms).payload) for time_ms in times)
        clock.time_ms = times[-1] + 1

    def command(self, body: dict[str, object]) -> None:
        """Send a command to the lane."""
        signed = {"by": "tester", "reason": "drill", **body}
        self.world.commands.put(self.number, json.dumps(signed).encode())

    async def caught_up(self, crew: Crew) -> None:
        """Wait until the lane has taken and told everything that is there."""
        stream = self.world.streams[self.number]
        commands = len(self.world.commands.bodies.get(self.number, []))

        def holds() -> bool:
            status = crew.runner.status
            if status.phase != "running" or status.position != stream.end:
                return False
            taken = (entry.command or 0 for _, entry in self.world.journal(self.number))
            return max(taken, default=0) == commands

        await crew.until(holds)

    async def ticked(self, crew: Crew) -> None:
        """Wait until the lane has journalled a tick for the clock's time."""
        now_s = self.world.clock.time_ms // 1000
        world = self.world

        def holds() -> bool:
            ticks = [e.change for _, e in world.journal(self.number) if isinstance(e.change, Tick)]
            return bool(ticks) and ticks[-1].lane_time_s >= now_s

        await crew.until(holds)

    async def filed(self, crew: Crew, least: int) -> None:
        """Wait for snapshots, which a busy machine may make no sooner than at the end."""

        def holds() -> bool:
            return len(self.world.manifests(self.number)) >= least

        await crew.until(holds)

    async def pass_by(self, crew: Crew) -> None:
        """Live the whole day."""
        first, second = self.channels[:2]
        for hour in range(2):
            self.readings()
            await self.caught_up(crew)
            self.command({"kind": "shelve", "channel": first, "seconds": 3 + hour})
            self.command({"kind": "shelve", "channel": "water.nobody", "seconds": 3})
            await self.caught_up(crew)
            self.readings(60)
            await self.caught_up(crew)
            self.world.clock.time_ms += 10_000
            await self.ticked(crew)
            self.command({"kind": "shelve", "channel": second, "seconds": 60})
            self.command({"kind": "unshelve", "channel": second})
            self.command({"kind": "accept", "channel": first})
            await self.caught_up(crew)
            if self.filing:
                await self.filed(crew, least=1 + hour)

    def judge(self) -> None:
        """Told equals a calm replay, byte for byte and in order, each revision once."""
        world, number = self.world, self.number
        golden, told = world.golden(number), world.told(number)
        for kind, messages in told.items():
            assert messages == [m for m in golden if m.kind == kind], kind
            assert len(messages) > 5, f"an idle day: {len(messages)} {kind}"
        shelvings = world.shelvings(number)
        assert shelvings == [m for m in golden if m.kind == "shelving"]
        assert shelvings, "an idle day: nothing was shelved"
        revisions = [(b["id"], b["revision"]) for b in map(_body, told["alarm"])]
        assert max(Counter(revisions).values()) == 1
        changes = {type(entry.change) for _, entry in world.journal(number)}
        assert changes >= {Accept, Tick, Shelve, Unshelve}
        mark = world.marks(number)[-1]
        assert mark.sequence == len(golden)
        manifest = world.manifests(number)[-1]
        assert (manifest.sequence, manifest.digest) == (mark.sequence, mark.digest)
        assert manifest.telemetry == world.streams[number].end
        SnapshotStore(world.location).read(manifest.snapshot, manifest.checksum)


def _body(message: Message) -> dict[str, object]:
    body: dict[str, object] = json.loads(message.body)
    return body
