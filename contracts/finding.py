"""What a level change tells of a channel: which finding of a rule it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the things that a rule can find.

    Parameters
    ----------
    name : str
        `high`, `stuck`, `step`; empty where a kind of rule has one finding.
    figures : mapping of str to float
        Figures of its sentence beside those of the level change, or in place of them: the
        `threshold` that was passed, in the unit of the figure that passed it.
    """

    name: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
