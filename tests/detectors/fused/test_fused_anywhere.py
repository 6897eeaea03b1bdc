"""The fused kernel gives the same bytes on a CPU without AVX-512 and without a prefetch."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from contracts.batch import Batch
from contracts.quantities import Duration, Sigmas
from detectors.base.prefetch import OFF
from detectors.base.thresholds import Steps
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Sums, Unusual
from runtime import kernel_cache
from tests.tidy import ROOT

CHANNELS, READINGS = 50, 20_000
RULES = FusedRules(
    Limit(high=Steps(yellow=5.16, red=5.2), off_delay=Duration("5 s")),
    Unusual(
        model="ewma",
        smoothing=0.02,
        band=Sigmas("4 sigma"),
        floor=0.01,
        warm_up=50,
        at_most="yellow",
        off_delay=Duration("10 s"),
        relearn_after=Duration("30 s"),
        sums=Sums(),
    ),
    Frozen(after=Duration("6 s"), at_most="blue", resolution=0.03),
)


def found() -> str:
    """Digest of all level changes, scores and rows of a troubled day, and how many rang."""
    chance = np.random.default_rng(11)
    row = chance.integers(0, CHANNELS, READINGS).astype(np.int32)
    time_ns = np.arange(READINGS) * 20_000_000
    value = chance.normal(5.0, 0.05, READINGS) + 0.1 * (row == time_ns // 8_000_000_000)
    record, quality = np.arange(READINGS, dtype=np.int32), np.zeros(READINGS, np.uint8)
    scorer = ChannelRules([RULES], np.zeros(CHANNELS, np.int64))
    scores = np.zeros(READINGS)
    batch = Batch(record, row, time_ns, value, quality)
    transitions = scorer.score(batch, np.zeros(READINGS, np.uint8), (0, READINGS), scores)
    digest = hashlib.sha256(scores.tobytes() + scorer.rows.tobytes() + scorer.waits.tobytes())
    for name in transitions.dtype.names or ():
        digest.update(transitions[name].tobytes())
    rung = np.bincount(transitions["rule"][transitions["now"] > 0], minlength=4)
    return f"{digest.hexdigest()} {rung}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cpu", "prefetch"), [("", "off"), ("generic", ""), ("generic", "off")], ids=str
)
def test_any_cpu_gives_the_same_bytes(cpu: str, prefetch: str) -> None:
    here = found()
    _, limit, unusual, _, frozen = here.replace("[", " ").replace("]", " ").split()
    assert min(int(limit), int(unusual), int(frozen)) > 3, "idle: hardly anything rang"
    environment = {key: text for key, text in os.environ.items() if not key.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(ROOT), OFF[0]: prefetch}
    environment |= {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""} if cpu else {}
    script = (
        "from runtime import kernel_cache; kernel_cache.choose()\n"
        "from tests.detectors.fused.test_fused_anywhere import found\n"
        "import detectors.base.prefetch as p\n"
        "print(found(), p.prefetch is p._ask, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [here, str(prefetch != "off")]


def test_kernels_without_a_prefetch_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OFF[0] == kernel_cache.PREFETCH
    before = kernel_cache.sources_hash()
    monkeypatch.setenv(*OFF)
    assert kernel_cache.sources_hash() != before
