"""Measured costs of a worker's parts, and how this machine compares with the one they are of."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Sigmas
from detectors.base.thresholds import Steps
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Unusual
from operate.plan.messages import Form, Messages

COSTS_FILE: Final = Path(__file__).with_name("costs.json")
SMALL_CHANNELS: Final = 1_000
_ROWS, _ROUNDS = 100_000, 16


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Costs of a worker on one machine; times are ns of one core, sizes bytes.

    Parameters
    ----------
    measured : str
        Date of the measurement.
    machine : str
        Its processor, as the kernel names it.
    calibration_ns : float
        What `calibrated_ns` gave there at that time.
    client_ns : float
        To fetch, check and unpack one message.
    message_ns, reading_ns : dict of str to float
        To decode a message, and each reading in it, by form.
    admission_ns, fused_ns, silence_ns : float
        A reading, whatever rules its class has.
    kinds_ns : dict of str to float
        A reading of a channel with a rule of this kind.
    process_bytes : int
        Resident memory of a worker with one lane of few channels.
    channel_bytes : float
        A channel beside its state: table of ids, class, copied columns.
    kind_channel_bytes : float
        A channel, for each kind of rule beyond the built-in ones that its lifeline has anywhere.
    process_cores, lane_cores : float
        Cores that a worker and each of its lanes keep busy while hardly anything comes.
    """

    measured: str
    machine: str
    calibration_ns: float
    client_ns: float
    message_ns: dict[Form, float]
    reading_ns: dict[Form, float]
    admission_ns: float
    fused_ns: float
    silence_ns: float
    kinds_ns: dict[str, float]
    process_bytes: int
    channel_bytes: float
    kind_channel_bytes: float
    process_cores: float
    lane_cores: float

    def taking_ns(self, messages: Messages) -> float:
        """To decode and admit a reading, and to score what every channel has."""
        form, count = messages
        decoding = self.reading_ns[form] + self.message_ns[form] / count
        return decoding + self.admission_ns + self.fused_ns + self.silence_ns


def read_costs(path: Path = COSTS_FILE) -> Costs:
    """The costs that `python -m benchmarks.operations.costs --write` measured."""
    return msgspec.json.decode(path.read_bytes(), type=Costs)


def small_case() -> tuple[FusedRules, Batch, NDArray[np.uint8]]:
    """Rules, readings of a thousand channels and their dispositions, all of it in the cache."""
    rules = FusedRules(
        Limit(low=Steps(2.0, 1.6, 1.2, 0.8)),
        Unusual(
            model="ewma",
            band=Sigmas("6 sigma"),
            smoothing=0.05,
            floor=0.05,
            warm_up=2,
            at_most="yellow",
        ),
    )
    chance = np.random.default_rng(1)
    row = chance.integers(0, SMALL_CHANNELS, _ROWS).astype(np.int32)
    value, quality = chance.normal(5.0, 0.05, _ROWS), np.zeros(_ROWS, np.uint8)
    batch = Batch(np.arange(_ROWS, dtype=np.int32), row, np.zeros(_ROWS, np.int64), value, quality)
    return rules, batch, np.full(_ROWS, Disposition.SCORED, np.uint8)


def median_ns(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Median ns a reading of a small case; the first of the rounds may have loaded a kernel."""
    taken = []
    for _ in range(_ROUNDS):
        began = clock()
        work()
        taken.append(clock() - began)
    return median(taken[1:]) * 1e9 / _ROWS


def calibrated_ns() -> float:
    """Ns that this machine takes now for a reading of the small case, by the fused rules.

    Of two machines, or of one at two times, the quotient says how much slower one is.
    """
    rules, batch, scored = small_case()
    scorer = ChannelRules([rules], np.zeros(SMALL_CHANNELS, np.int64))
    return median_ns(lambda: scorer.score(batch, scored, (0, len(batch))), time.thread_time)
