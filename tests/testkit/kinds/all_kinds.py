"""The typical case of every kind of rule, for what goes through all of them."""

from typing import Final

from tests.testkit.kind_case import Case
from tests.testkit.kinds import river
from tests.testkit.kinds.change import departure, drift, shift, trend
from tests.testkit.kinds.channel import (
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
from tests.testkit.kinds.group import balance, consensus, half_space, joint, multivariate, regress
from tests.testkit.kinds.sums import rolling_sum, total

MODULES: Final = (
    departure,
    drift,
    shift,
    trend,
    discord,
    missing,
    novelty,
    seasonal,
    sequence,
    slope,
    spectrum,
    stuck,
    rolling_sum,
    total,
    unit_change,
    balance,
    consensus,
    half_space,
    joint,
    multivariate,
    regress,
    river,
)


def cases(seed: int = 0) -> dict[str, Case]:
    """The typical case of each kind by the kind's name; kinds that share a kernel share one."""
    found = [module.case(seed) for module in MODULES]
    return {case.kind.name: case for case in found}
