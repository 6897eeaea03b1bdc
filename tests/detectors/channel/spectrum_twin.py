"""Frames, bands and envelopes in plain Python: a direct transform, lists and exact sums."""

import cmath
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contracts.batch import Disposition
from detectors.channel.spectrum import Spectrum
from tests.testkit.kind_case import FIGURES, SECOND, Case, run
from tests.testkit.kinds.channel.spectrum import FRAME, PERIOD_S
from tests.testkit.level_twin import Gate, LevelTwin

TURNS = [cmath.exp(-2j * math.pi * k / FRAME) for k in range(FRAME)]


def transform(values: list[complex]) -> list[complex]:
    """Discrete Fourier transform, as its definition says."""
    return [sum((v * TURNS[j * k % FRAME] for j, v in enumerate(values)), 0j) for k in range(FRAME)]


def line_powers(values: list[float]) -> list[float]:
    """One-sided powers of a frame of 64 under a Hann window, its mean taken off."""
    mean = math.fsum(values) / FRAME
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * j / FRAME) for j in range(FRAME)]
    lines = transform([complex((v - mean) * w) for v, w in zip(values, hann, strict=True)])
    scale = FRAME * math.fsum(w * w for w in hann)
    twins = [1 if k in {0, FRAME // 2} else 2 for k in range(FRAME // 2 + 1)]
    return [twin * abs(one) ** 2 / scale for twin, one in zip(twins, lines, strict=False)]


def envelope(values: list[float]) -> list[float]:
    """Magnitude of the analytic signal of a frame of 64."""
    mean = math.fsum(values) / FRAME
    lines = transform([complex(v - mean) for v in values])
    half = FRAME // 2
    kept = [one * (1 if k in {0, half} else 2 * (k < half)) for k, one in enumerate(lines)]
    back = transform([one.conjugate() for one in kept])
    return [abs(one) / FRAME for one in back]


@dataclass
class SpectrumTwin:
    """One channel, from the docstring; told by lists and a direct transform."""

    rule: Spectrum
    level: LevelTwin
    gate: Gate
    ring: list[float] = field(default_factory=list)
    last: int | None = None
    since: int = 0
    learned: int = 0

    def frame(self, time_ns: int, value: float) -> list[float] | None:
        """The frame that ends with a reading."""
        if self.last is not None and time_ns - self.last > 3 * PERIOD_S * SECOND:
            self.ring, self.since = [], 0
        self.last = time_ns
        self.ring = [*self.ring, value][-FRAME:]
        self.since += 1
        past = self.since - FRAME
        return self.ring if past >= 0 and past % self.rule.hop == 0 else None

    def logs(self, frame: list[float]) -> list[float] | None:
        """What is judged of a frame; None when the machine stands still."""
        spectra = [line_powers(frame)]
        if math.sqrt(math.fsum(spectra[0][1:])) < self.rule.rest:
            return None
        if self.rule.envelope:
            spectra.append(line_powers(envelope(frame)))
        found = []
        for lines in spectra:
            for low, high in self.rule.bands.values():
                at = [(k / (FRAME * PERIOD_S), one) for k, one in enumerate(lines)]
                square = math.fsum(one for hertz, one in at if low <= hertz < high)
                found.append(0.5 * math.log(square + self.rule.floor**2))
        return found

    def see(self, logs: list[float], x: float, time_ns: int) -> tuple[Any, ...] | None:
        """Judge and learn a frame; the change and its figures."""
        if not self.learned:
            self.origin, self.t = x, [[y, 0.0] for y in logs]
            self.p, self.s = [[1e6, 0.0], [0.0, 1e6]], [0.0] * len(logs)
        f = [1.0, x - self.origin]
        g = [sum(a * b for a, b in zip(row, f, strict=True)) for row in self.p]
        z = f[0] * g[0] + f[1] * g[1]
        expected = [t[0] + t[1] * f[1] for t in self.t]
        wide = [
            max(math.sqrt(math.pi / 2) * s, self.rule.spread) * math.sqrt(1 + z) for s in self.s
        ]
        errors = [y - e for y, e in zip(logs, expected, strict=True)]
        scores = [e / w for e, w in zip(errors, wide, strict=True)]
        worst = max(range(len(scores)), key=scores.__getitem__)
        told, breached = None, 0
        if self.learned >= self.rule.warm_up:
            colour = {"blue": 1, "yellow": 2}[self.rule.at_most]
            breached = colour * (scores[worst] > self.rule.band.count)
            back = self.rule.band.count - self.rule.hysteresis.count
            held = max(breached, colour * (scores[worst] > back))
            if change := self.level.advance(breached, held, time_ns):
                bound = expected[worst] + self.rule.band.count * wide[worst]
                said = [self.rms(y) for y in (logs[worst], expected[worst], bound)]
                told = (*change, said[0], said[1], math.nan, said[2], scores[worst])
        if self.gate.opens(calm=breached == 0 and self.level.level == 0, time_ns=time_ns):
            self.learn(errors, wide, g, z)
        return told

    def rms(self, log: float) -> float:
        return math.sqrt(max(math.exp(2 * log) - self.rule.floor**2, 0.0))

    def learn(self, errors: list[float], wide: list[float], g: list[float], z: float) -> None:
        self.learned += 1
        forget = 1 - 1 / self.rule.memory
        n = self.learned - self.rule.warm_up // 2
        for b, raw in enumerate(errors):
            most = 3 * wide[b] if self.learned > self.rule.warm_up else math.inf
            error = max(-most, min(raw, most))
            for i in range(2):
                self.t[b][i] += g[i] * error / (1 + z)
            if n > 0:
                share = max(1 / n, 1 - forget)
                self.s[b] += share * (abs(error) / math.sqrt(1 + z) - self.s[b])
        c = forget - (1 - forget) / z
        v = c / (1 + c * z)
        for i in range(2):
            for j in range(2):
                self.p[i][j] -= v * g[i] * g[j]


def twin_notes(case: Case, given: dict[int, int]) -> list[tuple[Any, ...]]:
    """Level changes by twins; `given` says whose companion is which row."""
    twins: dict[int, SpectrumTwin] = {}
    said: dict[int, tuple[int, float]] = {}
    told = []
    for ordinal, reading in enumerate(case.readings):
        if reading.disposition is not Disposition.SCORED:
            continue
        time_ns, row = round(reading.at_s * SECOND), reading.row
        said[row] = (time_ns, reading.value)
        rule = case.rules.get(case.roster.classes[case.roster.class_of[row]])
        if rule is None:
            continue
        level = LevelTwin(rule.on_delay.ns, rule.off_delay.ns)
        twin = twins.setdefault(row, SpectrumTwin(rule, level, Gate(rule.relearn_after.ns)))
        frame = twin.frame(time_ns, reading.value)
        at, x = said.get(given[row], (-(10**18), math.nan)) if rule.given else (time_ns, 0.0)
        if frame is None or abs(time_ns - at) > rule.sync.ns:
            continue
        logs = twin.logs(frame)
        if logs is not None and (change := twin.see(logs, x, time_ns)):
            was, now, onset, *figures = change
            told.append((ordinal, row, was, now, onset, time_ns, *figures))
    return told


def equals_twins(case: Case, given: dict[int, int]) -> None:
    """Changes exactly, figures within 1e-9: sums are made in another order."""
    expected, got = twin_notes(case, given), run(case)
    keys = ["ordinal", "row", "was", "now", "onset_ns", "time_ns"]
    assert [tuple(int(transition[key]) for key in keys) for transition in got] == [
        t[:6] for t in expected
    ]
    for i, name in enumerate(FIGURES, 6):
        mine = np.array([told[i] for told in expected])
        np.testing.assert_allclose(got[name], mine, rtol=1e-9, err_msg=name)
