"""What tuning proposes."""

from dataclasses import asdict, dataclass
from typing import Any

from lab.tune.search import Tried


@dataclass(frozen=True)
class Proposal:
    """What a search found.

    Parameters
    ----------
    budget : float
        False alarms per channel-year.
    parts : list of str
        Names; the search looked at the first.
    present, best : Tried
    tried, curve : list of Tried
        Every set of figures, and those that no other beats.
    changes : list of str
        What becomes of each figure.
    diff : str
    broken : list of str
        Why it should not be taken; empty when all is well.
    """

    budget: float
    parts: list[str]
    present: Tried
    best: Tried
    tried: list[Tried]
    curve: list[Tried]
    changes: list[str]
    diff: str
    broken: list[str]

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return asdict(self)
