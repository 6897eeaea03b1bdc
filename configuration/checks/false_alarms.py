"""What the statistical rules of a configuration promise: false alarms a day on clean data."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from configuration.pack import RULES, ClassPack
from configuration.rule_kinds import kinds
from detectors.base.kind import Scene
from detectors.false_alarm_rate.rate import FalseAlarmRate
from detectors.fused.unusual import of_unusual

LEAST: Final = 1e-6  # a day: once in three millennia is never


class Expected(NamedTuple):
    """False alarms that a rule is expected to ring.

    Parameters
    ----------
    label, rule : str
        Class, or variant of one, and the key of the rule in it.
    per_day : float
        Of all its channels together.
    exact : bool
        Whether it is more than an upper bound.
    """

    label: str
    rule: str
    per_day: float
    exact: bool

    def __str__(self) -> str:
        """Words of `tocsin check`."""
        return f"{self.rule} {_a_day(self.per_day, self.exact)}"


def expected(pack: ClassPack, channels: int, groups: int) -> Iterator[Expected]:
    """What each statistical rule of a class promises for so many channels, in so many groups.

    Rules that are physical, or whose rate hangs on what clean data are like, are left out:
    docs/false-alarms.md names them.
    """
    judged = {"channel": channels, "group": groups}
    for name in RULES:
        rule = pack.rule(name)
        false_alarm_rate = None if rule is None else _promise(name, rule, pack)
        if false_alarm_rate is not None:
            here = judged[false_alarm_rate.per]
            per_day = false_alarm_rate.per_day(here, pack.period.ns, rule.on_delay.ns)
            yield Expected(pack.label, name, per_day, false_alarm_rate.exact)


def _promise(name: str, rule: Any, pack: ClassPack) -> FalseAlarmRate | None:
    """What a rule promises on clean data."""
    scene = Scene(*pack.plausible.range, pack.period)
    if name == "unusual":
        return of_unusual(rule, scene)
    return kinds()[name][1].false_alarm_rate(rule, scene) if name in kinds() else None


def together(found: Sequence[Expected]) -> str:
    """What all rules promise together, in one line."""
    total = sum(each.per_day for each in found)
    told = _a_day(total, all(each.exact for each in found))
    return f"false alarms on clean data: {told} of all statistical rules"


def _a_day(count: float, exact: bool) -> str:
    if count < LEAST:
        return f"below {LEAST:f} a day"
    return f"{'' if exact else 'at most '}{count:.2g} a day"
