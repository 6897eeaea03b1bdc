"""The shipped packs as a made city has them: files, values that ring nothing, values that ring."""

import shutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from configuration.configuration import Configuration
from configuration.pack import ClassPack
from detectors.base.thresholds import Steps
from operate.plan.made_readings import calm_room
from runtime.installation import HOME

CONFIGS = HOME / "configs"
# No pack has household meters of electricity, which are a third of the city: they get what their
# neighbours of water have, limits, silence and invalid values.
METER, LENT = "power.meter", "water.meter"
NOISE = 1e-4  # of the room that a value has
BEYOND = 0.05  # of the room between a limit and the end of the plausible range


class Values(NamedTuple):
    """What channels of a class say.

    Parameters
    ----------
    middle, noise : float
        Mean and deviation while all is well.
    fault : float or None
        Value that rings with the one reading; None where no value does.
    """

    middle: float
    noise: float
    fault: float | None


def copy(folder: Path, lifelines: set[str]) -> None:
    """Class files of some lifelines, as they are shipped, with the calendar and duties of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for shared in ("calendar.yaml", "duties.yaml"):
        shutil.copy(CONFIGS / shared, folder)
    for lifeline in sorted(lifelines):
        (folder / lifeline).mkdir(exist_ok=True)
        for file in (CONFIGS / lifeline).glob("*.yaml"):
            if not file.name.endswith(".test.yaml"):
                shutil.copy(file, folder / lifeline)
    if METER.partition(".")[0] in lifelines:
        (folder / "power" / "meter.yaml").write_text(_lent(), encoding="utf-8")


def _lent() -> str:
    text = (CONFIGS / "water" / "meter.yaml").read_text(encoding="utf-8")
    for was, now in (
        (f"class: {LENT}", f"class: {METER}"),
        ("unit: m3/h", "unit: kWh"),
        ("period: 1 h", "period: 15 min"),
        ("range: [0, 5]", "range: [0, 100]"),
    ):
        assert text.count(was) == 1, f"water/meter.yaml: expected {was!r} once; mend this copy"
        text = text.replace(was, now)
    return text


@cache
def shipped() -> dict[str, ClassPack]:
    """Classes of all shipped packs by name."""
    packs = Configuration.load(CONFIGS, {}).packs.values()
    found = {pack.class_name: pack for pack in packs if not pack.applied}
    return {**found, METER: found[LENT]}


def values(pack: ClassPack) -> Values:
    """Values for the channels of a class."""
    states = pack.rule("sequence")
    if states is not None:
        lasting = [code for code, word in states.states.items() if word not in states.at_most]
        return Values(float(lasting[0]), 0.0, None)
    low, high = calm_room(pack)
    return Values((low + high) / 2, NOISE * (high - low), _fault(pack))


def _fault(pack: ClassPack) -> float | None:
    limit, (low, high) = pack.limit, pack.plausible.range
    if limit is None or limit.days is not None or limit.on_delay.ns or pack.plausible.fastest:
        return None
    if above := _steps(limit.high):
        return max(above) + BEYOND * (high - max(above))
    if below := _steps(limit.low):
        return min(below) - BEYOND * (min(below) - low)
    return None


def _steps(steps: Steps | None) -> list[float]:
    found = np.empty(0) if steps is None else steps.array(np.nan)
    return [float(step) for step in found[~np.isnan(found)]]
