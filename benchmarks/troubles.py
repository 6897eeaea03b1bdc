"""What troubled readings cost, from columns to level changes: at most twice what good ones cost.

Each arm admits and scores the same batches, of which a share is in trouble. If good readings cost 1
each, a batch of which a share `s` is in trouble may cost `1 - s + 2 s`.
"""

from time import thread_time

import numpy as np
from numpy.typing import NDArray

from benchmarks.hot_loop import BEGIN_NS, PERIOD_NS, RULES, settle
from benchmarks.support.claims import Claim, interleaved, print_claims, print_table
from contracts.batch import Batch, Disposition, Quality
from detectors.fused.scorer import ChannelRules
from ingest.admit import Admission, Plausible

CHANNELS, ROWS, ROUNDS = 100_000, 10_000, 21
BOUNDS = Plausible(range=(0.0, 10.0))
SHARE = 0.2
CHATTY = 8  # the channel that sends half of all
SHARES = {
    "clean": 0.0, "NaN": SHARE, "bad quality": SHARE, "out of order": SHARE, "one channel": 0.5
}  # fmt: skip


class Arm:
    """A day of one kind of trouble: every channel once a pass, some of its readings in trouble."""

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        one_class = np.zeros(CHANNELS, np.int64)
        self.admission = Admission([BOUNDS], one_class)
        self.rules = ChannelRules([RULES], one_class)
        settle(self.rules.rows)
        chance = np.random.default_rng(3)
        order = chance.permutation(CHANNELS).astype(np.int32)
        passes = enumerate(order.reshape(-1, ROWS))
        self.sent = [self._batch(number, row, chance) for number, row in passes]
        self.stamps = [np.sort(batch.time_ns) for batch in self.sent]
        self.dispositions = np.zeros(len(Disposition), np.int64)

    def _batch(self, number: int, row: NDArray[np.int32], chance: np.random.Generator) -> Batch:
        """Good readings, and those in trouble among them."""
        value = chance.normal(5.0, 0.05, ROWS)
        time_ns = BEGIN_NS + (number * ROWS + np.arange(ROWS)) * (PERIOD_NS // CHANNELS)
        quality = np.zeros(ROWS, np.uint8)
        troubled = chance.random(ROWS) < SHARES[self.trouble]
        if self.trouble == "NaN":
            value[troubled] = np.nan
        elif self.trouble == "bad quality":
            quality[troubled] = Quality.BAD
        elif self.trouble == "out of order":
            row = np.where(troubled, np.roll(row, 1), row).astype(np.int32)  # once more, older
            time_ns[troubled] -= PERIOD_NS // 2
        elif self.trouble == "one channel":
            row = np.where(troubled, CHATTY, row).astype(np.int32)
        return Batch(np.arange(ROWS, dtype=np.int32), row, time_ns, value, quality)

    def later(self) -> None:
        """The next pass: a period on, on the other side of 5."""
        for batch, stamp_ns in zip(self.sent, self.stamps, strict=True):
            batch.time_ns[:] += PERIOD_NS
            stamp_ns[:] += PERIOD_NS
            batch.value[:] = 10.0 - batch.value

    def run(self) -> None:
        """Admit and score a pass."""
        disposition = np.zeros(ROWS, np.uint8)
        for batch, stamp_ns in zip(self.sent, self.stamps, strict=True):
            self.admission.admit(batch, stamp_ns, (0, ROWS), disposition)
            self.rules.score(batch, disposition, (0, ROWS))
            self.dispositions += np.bincount(disposition, minlength=len(Disposition))


def check(arm: Arm) -> None:
    """What is in trouble met the disposition that it should, and not one of the good ones did."""
    wanted = {
        "NaN": Disposition.NOT_FINITE,
        "bad quality": Disposition.HELD,
        "out of order": Disposition.LATE,
    }
    found = arm.dispositions / arm.dispositions.sum()
    share = SHARES[arm.trouble] if arm.trouble in wanted else 0.0
    assert abs(found[Disposition.SCORED] - (1.0 - share)) < 0.05, (arm.trouble, found)
    if arm.trouble in wanted:
        assert abs(found[wanted[arm.trouble]] - share) < 0.05, (arm.trouble, found)


def main() -> None:
    """Check, measure, tell."""
    arms = {name: Arm(name) for name in SHARES}

    def later() -> None:
        for arm in arms.values():
            arm.later()

    seconds = interleaved({name: arm.run for name, arm in arms.items()}, ROUNDS, later, thread_time)
    for arm in arms.values():
        check(arm)
    clean = seconds["clean"]
    rows, claims = [], []
    for name, share in SHARES.items():
        ns = seconds[name] * 1e9 / CHANNELS
        times = (seconds[name] / clean - (1.0 - share)) / share if share else 1.0
        rows.append([name, f"{share:.0%}", f"{ns:.1f}", f"{times:.2f}"])
        if share:
            text = f"admit and score, {share:.0%} {name}, over their share"
            claims.append(Claim(text, times, 2.0, "times", "at most"))
    print(f"ns of CPU time a reading to admit and score, median of {ROUNDS} rounds\n")
    print_table(["trouble", "share", "ns", "a troubled reading over a good one"], rows)
    print_claims(claims)


if __name__ == "__main__":
    main()
