"""The name of a lane."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneName:
    """Identity of a lane: partition `number` of each of a lifeline's topics."""

    lifeline: str
    number: int
    telemetry: str
    commands: str

    def __str__(self) -> str:
        return f"{self.lifeline}-{self.number}"
