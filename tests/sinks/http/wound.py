"""A worker whose state a test sets."""

from dataclasses import dataclass, field

from contracts.batch import Destiny
from contracts.ports.status import LaneVitals, Pulse, ShadowVitals


@dataclass
class WoundVitals:
    """`Vitals` that say what they are told to."""

    owned: list[LaneVitals] = field(default_factory=list)
    turning: bool = True
    settled: bool = True
    heart: Pulse = field(default_factory=Pulse)

    def lanes(self) -> list[LaneVitals]:
        return self.owned

    def alive(self) -> bool:
        return self.turning

    def ready(self) -> bool:
        return self.settled and all(lane.phase == "running" for lane in self.owned)

    def pulse(self) -> Pulse:
        return self.heart


def busy(name: str = "water-3") -> LaneVitals:
    """A lane with a different number in every place."""
    accounts = {destiny.word: 100 + destiny for destiny in Destiny}
    return LaneVitals(
        name,
        phase="running",
        accounts={"received": sum(accounts.values()), **accounts},
        position=40,
        end=47,
        lane_time_s=1_700_000_000,
        revisions=5,
        dead_letters=6,
        whispers=11,
        sheds=2,
        shadow=ShadowVitals("c0ffee", 12, 13, 14, 1.5, 2.5, (0, 0, 0, 0, 4, 3, 2, 2, 1, 0)),
        flushes=8,
        flush_seconds=0.25,
        score_seconds=1.5,
        snapshots=9,
        recoveries=1,
        open_alarms={"blue": 1, "yellow": 2, "orange": 3, "red": 4},
    )
