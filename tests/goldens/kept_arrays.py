"""What a stored snapshot has to keep when packs go on."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NUMBERED: Final = {"seen": "class", "rules": "rules"}  # arrays with the number of a class in them


def of_readings(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """What readings left in an array: numbers and meanings of classes are the packs'."""
    kept = np.array(array)
    if name in NUMBERED:
        kept[NUMBERED[name]] = 0
    return kept[:0] if name.endswith(".meaning") else kept
