"""Where a lane may be struck, and the blows that a test has planned."""

import asyncio
from collections import Counter
from enum import StrEnum

from contracts.errors import FatalError


class Step(StrEnum):
    """Moments of a lane's life, in the words of the delivery design."""

    MEMBERSHIP = "membership"
    FENCE = "fence"
    PAST = "past"
    SEEK = "seek"
    FETCH = "fetch"
    SCORE = "score"
    END_OFFSET = "end offset"
    COMMANDS = "commands"
    BEGIN = "before begin"
    BETWEEN = "between journal and messages"
    COMMIT = "before commit"
    ANSWER = "after commit, before the answer"
    FILE = "before the file"
    FILED = "after the file"
    PUBLISH = "before a manifest's commit"
    PUBLISHED = "after a manifest's commit"
    GROUP = "group offset"


class Faults:
    """Blows by step and occurrence; each falls once."""

    def __init__(self) -> None:
        self._planned: dict[tuple[Step, int], Exception | asyncio.Event] = {}
        self.reached: Counter[Step] = Counter()
        self.fallen: list[Step] = []
        self.hanging = asyncio.Event()
        self.held_by: asyncio.Event | None = None

    def fail(self, step: Step, on: int = 1, error: Exception | None = None) -> None:
        """Raise at an occurrence of a step, counted from now on."""
        blow = error or FatalError(f"planned: {step}")
        self._planned[step, self.reached[step] + on] = blow

    def hang(self, step: Step, on: int = 1) -> asyncio.Event:
        """Wait at an occurrence of a step until the event that comes back is set."""
        release = asyncio.Event()
        self._planned[step, self.reached[step] + on] = release
        return release

    def calm(self) -> None:
        """Let nothing fall any more."""
        self._planned.clear()

    def _blow(self, step: Step) -> asyncio.Event | None:
        self.reached[step] += 1
        blow = self._planned.pop((step, self.reached[step]), None)
        if blow is None:
            return None
        self.fallen.append(step)
        if isinstance(blow, Exception):
            raise blow
        return blow

    def strike(self, step: Step) -> None:
        """Reach a step where nothing can be awaited."""
        assert self._blow(step) is None, f"{step} cannot hang"

    async def reach(self, step: Step) -> None:
        """Reach a step."""
        release = self._blow(step)
        if release is not None:
            self.held_by = release
            self.hanging.set()
            await release.wait()
