"""The seven laws of a lane, each over (path, stream); a law that could not have failed is idle."""

from collections.abc import Callable
from typing import Final

from tests.laws.clock import clock
from tests.laws.order import cut, restore
from tests.laws.outcome import Outcome
from tests.laws.path import Path
from tests.laws.told import accounting, bounds, identity, silence
from tests.testkit.streams import Stream

Law = Callable[[Path, Stream], Outcome]
LAWS: Final[dict[str, Law]] = {
    "Cut": cut,
    "Restore": restore,
    "Clock": clock,
    "Identity": identity,
    "Accounting": accounting,
    "Bounds": bounds,
    "Silence": silence,
}
