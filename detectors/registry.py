"""Every kind of rule that comes with Tocsin, models before the rules that judge what they make."""

from typing import Final

from detectors.base.kind import Kind
from detectors.change import departure, drift, shift, trend
from detectors.channel import (
    discord,
    missing,
    novelty,
    seasonal,
    sequence,
    slope,
    spectrum,
    stuck,
    unit_change,
)
from detectors.group import balance, consensus, half_space, joint, multivariate, regress
from detectors.river import rule
from detectors.sums import rolling_sum, total

KINDS: Final[tuple[Kind, ...]] = (
    balance.BALANCE,
    rolling_sum.ROLLING_SUM,
    seasonal.SEASONAL,
    regress.REGRESS,
    consensus.CONSENSUS,
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
    rule.RIVER,
    discord.DISCORD,
    novelty.NOVELTY,
    multivariate.MULTIVARIATE,
    drift.DRIFT,
    shift.SHIFT,
    departure.DEPARTURE,
    half_space.ISOLATION,
    spectrum.SPECTRUM,
    joint.JOINT,
)
