"""Every kind of rule that comes with Tocsin, models before the rules that judge what they make."""

from typing import Final

from detectors import (
    balance,
    consensus,
    discord,
    drift,
    half_space,
    joint,
    missing,
    multivariate,
    novelty,
    regress,
    river_model,
    seasonal,
    sequence,
    shift,
    slope,
    spectrum,
    stuck,
    total,
    trend,
    unit_change,
)
from detectors.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    seasonal.SEASONAL,
    regress.REGRESS,
    consensus.CONSENSUS,
    balance.BALANCE,
    total.TOTAL,
    slope.FALL,
    slope.RISE,
    stuck.STUCK,
    unit_change.UNIT_CHANGE,
    sequence.SEQUENCE,
    trend.TREND,
    missing.MISSING,
    missing.REPEATED,
    missing.LATE,
    river_model.RIVER,
    discord.DISCORD,
    novelty.NOVELTY,
    multivariate.MULTIVARIATE,
    drift.DRIFT,
    shift.SHIFT,
    half_space.ISOLATION,
    spectrum.SPECTRUM,
    joint.JOINT,
)
