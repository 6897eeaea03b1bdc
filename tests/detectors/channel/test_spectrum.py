"""Frames of vibration: the twin by a direct transform, the laws, warmth (T11), gaps, a bearing."""

import math
from typing import Any

import numpy as np
import pytest

from contracts.quantities import Duration, Sigmas
from contracts.transition import TRANSITION, Transitions
from detectors.base.kind import Scene
from detectors.channel.power_lines import envelopes, lean, powers
from detectors.channel.spectrum import SPECTRUM, Spectrum, faults
from tests.detectors.channel.spectrum_twin import equals_twins
from tests.testkit.kind_case import SECOND, Case, Reading, keeps_the_laws, roster, run
from tests.testkit.kinds.channel.spectrum import FRAME, PERIOD_S, WARM, WORDS, case, day, shaking


def quiet(at: float) -> float:
    del at
    return 0.0


def single(rule: Spectrum, readings: list[Reading]) -> Case:
    lane = roster({"pump.vibration": 1, "pump.temperature": 1}, period_s=PERIOD_S, group_size=2)
    return Case(SPECTRUM, {"pump.vibration": rule}, lane, readings)


def rising(transitions: Transitions) -> list[float]:
    """Seconds at which something began to ring."""
    return [float(one["time_ns"]) / SECOND for one in transitions if one["now"] > one["was"]]


@pytest.mark.parametrize("seed", range(2))
def test_the_kernel_equals_its_twin(seed: int) -> None:
    equals_twins(case(seed), {0: 2, 1: 3})


def test_it_keeps_the_laws() -> None:
    keeps_the_laws(case(0))


def test_delays_hysteresis_and_rest_equal_the_twin_too() -> None:
    stops = [
        Reading(one.row, one.at_s, one.value * (0.001 if 30 < one.at_s < 34 else 1.0))
        for one in shaking(4, 60.0, lambda at: 2.5 * (40 < at < 50))
    ]
    words = {**WORDS, "at_most": "blue", "rest": 0.05, "hysteresis": Sigmas("2 sigma")}
    rule = Spectrum(**words, on_delay=Duration("1 s"), off_delay=Duration("2 s"))
    equals_twins(single(rule, stops), {})
    assert len(run(single(rule, stops))) == 2


def test_classes_with_frames_of_other_lengths_do_not_touch_each_other() -> None:
    one = [r for r in shaking(1, 60.0, lambda at: 2.0 * (at > 45)) if r.row == 0]
    both = [Reading(row, r.at_s, r.value) for r in one for row in (0, 1)]
    long = Spectrum(**{**WORDS, "frame": 256, "hop": 64, "envelope": True})
    lane = roster({"pump.vibration": 1, "fan.vibration": 1}, period_s=PERIOD_S)
    rules = {"pump.vibration": Spectrum(**WORDS), "fan.vibration": long}
    together = Case(SPECTRUM, rules, lane, both)
    keeps_the_laws(together)
    for row, label in enumerate(rules):
        apart = run(Case(SPECTRUM, {label: rules[label]}, lane, both))
        mine = run(together)
        assert len(apart)
        of_row = mine[mine["row"] == row]
        for name in TRANSITION.names or ():  # between fields lie bytes that mean nothing
            assert of_row[name].tobytes() == apart[name].tobytes(), name


def test_t11_warmth_drives_the_vibration_and_nothing_rings() -> None:
    for seed in range(3):
        assert not len(run(single(Spectrum(**WARM), shaking(seed, 160.0, quiet, day))))


def test_t11_without_the_thermometer_the_first_new_warmth_rings() -> None:
    def season(at: float) -> float:
        return 12.0 + 2.0 * min(max(at - 60, 0.0), 10.0)

    plain, warm = (
        run(single(Spectrum(**words), shaking(0, 90.0, quiet, season))) for words in (WORDS, WARM)
    )
    assert rising(plain)
    assert not len(warm)


def test_t11_what_the_warmth_does_not_explain_rings_within_two_frames() -> None:
    worn = shaking(1, 160.0, lambda at: 1.5 * (at > 130), day)
    begun = rising(run(single(Spectrum(**WARM), worn)))
    assert 130.0 < begun[0] < 130.0 + 2 * FRAME * PERIOD_S


def test_steady_shaking_rings_nothing() -> None:
    for seed in range(3):
        rule = Spectrum(**WORDS, envelope=True)
        assert not len(run(single(rule, shaking(seed, 200.0, quiet))))


def test_less_vibration_rings_nothing() -> None:
    assert not len(run(single(Spectrum(**WORDS), shaking(2, 60.0, lambda at: -0.9 * (at > 45)))))


def test_figures_are_root_mean_squares_in_the_unit_of_the_class() -> None:
    transition = run(single(Spectrum(**WORDS), shaking(3, 60.0, lambda at: 3.0 * (at > 45))))[0]
    assert transition["now"] == 2
    assert transition["expected"] == pytest.approx(math.sqrt(0.1**2 / 2 + 0.05**2 * 0.4), rel=0.15)
    assert transition["expected"] < transition["high"] < transition["observed"] < 0.32
    assert math.isnan(transition["low"])


def test_a_bearing_that_knocks_rings_by_its_envelope_only() -> None:
    chance = np.random.default_rng(5)
    carrier = [math.sin(2 * math.pi * 30.3 * i * PERIOD_S) for i in range(8000)]
    readings = []
    for i, one in enumerate(carrier):
        at = i * PERIOD_S
        knock = 0.5 * math.sin(2 * math.pi * 6.0 * at) if at > 60 else 0.0
        readings.append(Reading(0, at, (1 + knock) * one + float(chance.normal(0, 0.05))))
    words = {**WORDS, "bands": {"cage": [4.0, 9.0]}}
    assert not len(run(single(Spectrum(**words), readings)))
    begun = rising(run(single(Spectrum(**words, envelope=True), readings)))
    assert 60.0 < begun[0] < 60.0 + 2 * FRAME * PERIOD_S


def test_a_gap_is_not_bridged() -> None:
    worn = shaking(6, 60.0, lambda at: 5.0 * (at > 50))
    torn = [Reading(r.row, r.at_s + (r.at_s // 0.6) * 0.05, r.value) for r in worn]
    assert len(run(single(Spectrum(**WORDS), worn)))
    assert not len(run(single(Spectrum(**WORDS), torn)))  # 60 readings between gaps


def test_a_silent_thermometer_lets_nothing_be_judged() -> None:
    worn = [r for r in shaking(1, 60.0, lambda at: 5.0 * (at > 50), day) if r.row == 0]
    assert not len(run(single(Spectrum(**WARM), worn)))


@pytest.mark.parametrize(
    "words", [{"bands": {"shaft": [4.0, 12.0], "blade": [20.0, 41.0]}}, {"hop": 16}]
)
def test_state_of_other_words_begins_anew(words: dict[str, Any]) -> None:
    before = single(Spectrum(**WORDS), shaking(3, 40.0, quiet))
    batch, disposition = before.batch()
    detector = before.detector()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    for rule, kept in ((Spectrum(**WORDS), True), (Spectrum(**{**WORDS, **words}), False)):
        other = single(rule, []).detector()
        other.restore(detector.arrays(), np.arange(2))
        assert bool(other.arrays()["spectrum.state"]["learned"][0]) is kept


@pytest.mark.parametrize("n", [64, 256, 4096])
def test_lines_are_those_of_scipy(n: int) -> None:
    signal = pytest.importorskip("scipy.signal")
    frames = lean(np.random.default_rng(n).normal(size=(3, n)))
    _, theirs = signal.periodogram(frames, window="hann", detrend=False, scaling="density")
    np.testing.assert_allclose(powers(frames), theirs / n, rtol=1e-9, atol=1e-18)
    hilbert = np.abs(signal.hilbert(frames, axis=1))
    np.testing.assert_allclose(envelopes(frames), hilbert, rtol=1e-9)


def test_a_tone_between_two_lines_has_its_root_mean_square() -> None:
    tone = np.array([[3.0 * math.sin(2 * math.pi * 20.37 * i / 256) for i in range(256)]])
    assert powers(lean(tone))[0, 15:26].sum() == pytest.approx(4.5, rel=1e-3)


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"frame": 96}, ("frame",), "expected a power of two, got 96"),
        ({"hop": 65}, ("hop",), "expected at most the frame (64), got 65"),
        ({"bands": {}}, ("bands",), "expected 1 to 8 bands, got 0"),
        ({"bands": {"x": [20.0, 10.0]}}, ("bands", "x"), "expected the lower edge first"),
        ({"bands": {"x": [20.0, 60.0]}}, ("bands", "x"), "expected at most 50 Hz, half the rate"),
        ({"bands": {"x": [0.5, 10.0]}}, ("bands", "x"), "expected at least 1.5625 Hz"),
        ({"bands": {"x": [5.0, 5.1]}}, ("bands", "x"), "expected a band with a line"),
        ({"band": Sigmas("0 sigma")}, ("band",), "expected more than 0 sigma"),
        ({"hysteresis": Sigmas("6 sigma")}, ("hysteresis",), "could never clear"),
        ({"floor": 20.0}, ("floor",), "nothing would be heard"),
        ({"given": "warmth"}, ("given",), "expected a class such as"),
        ({"warm_up": 500}, ("warm_up",), "expected at most memory (400), got 500"),
        ({"gap": Duration("5 ms")}, ("gap",), "expected at least the period (10 ms)"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = Spectrum(**{**WORDS, **words})
    where, said = next(faults(rule, Scene(-10.0, 10.0, Duration("10 ms"))))
    assert where == path
    assert text in said


def test_sensible_words_pass() -> None:
    assert not list(faults(Spectrum(**WARM), Scene(-10.0, 10.0, Duration("10 ms"))))
