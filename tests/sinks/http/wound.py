"""A worker whose state a test sets."""

from dataclasses import dataclass, field

from contracts.batch import Disposition
from contracts.ports.status import (
    Canaries,
    LaneStatus,
    Latency,
    ProcessStatus,
    ShadowStatus,
)


@dataclass
class WoundStatus:
    """`WorkerStatus` that say what they are told to."""

    owned: list[LaneStatus] = field(default_factory=list)
    turning: bool = True
    settled: bool = True
    heart: ProcessStatus = field(default_factory=ProcessStatus)

    def lanes(self) -> list[LaneStatus]:
        return self.owned

    def alive(self) -> bool:
        return self.turning

    def ready(self) -> bool:
        return self.settled and all(lane.phase == "running" for lane in self.owned)

    def process_status(self) -> ProcessStatus:
        return self.heart


def busy(name: str = "water-3") -> LaneStatus:
    """A lane with a different number in every place."""
    accounts = {disposition.word: 100 + disposition for disposition in Disposition}
    return LaneStatus(
        name,
        phase="running",
        accounts={"received": sum(accounts.values()), **accounts},
        position=40,
        end=47,
        lane_time_s=1_700_000_000,
        revisions=5,
        dead_letters=6,
        shadow_outbox=11,
        shelvings=18,
        shelved=19,
        sheds=2,
        hearing={"pudong": (90, 7, 3), "jingan": (20, 0, 0)},
        kind_seconds={"fused": 1.25, "trend": 0.25},
        relearning={"seasonal": 17},
        errors={"brokers": 21, "input": 22},
        shadow=ShadowStatus("c0ffee", 12, 13, 14, 1.5, 2.5, (0, 0, 0, 0, 4, 3, 2, 2, 1, 0)),
        flushes=8,
        flush_seconds=0.25,
        score_seconds=1.5,
        snapshots=9,
        recoveries=1,
        in_vain=18,
        set_aside=19,
        config="0123456789abcdef",
        taken_ms=1_700_000_001_500,
        flushed_ms=1_700_000_002_500,
        snapshot_at_s=1_700_000_003.5,
        snapshot_duration_s=0.75,
        snapshot_bytes=20,
        canaries=Canaries(judged=22, told=20),
        undecodable={"bad_json": 23},
        latency=Latency([21, 0, 2, 0, 0, 0, 0, 0, 1], 99.5),
        open_alarms={"blue": 1, "yellow": 2, "orange": 3, "red": 4},
    )
