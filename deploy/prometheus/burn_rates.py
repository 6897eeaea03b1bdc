"""Makes tocsin-slo-rules.yml of objectives.yml: recorded error ratios, and alerts on burn rates.

An error budget is what an objective leaves: 1 % of records at 99 %. A burn rate of 1 uses it up in
just the objective's period. Each alert wants the rate over a long window, so that little is not
much, and over a twelfth of it, so that it ends soon when the trouble does. Its value is the time
within which a whole budget is gone at the rate of the long window, since nobody reads burn rates.

Source: Google, The Site Reliability Workbook (2018), chapter 5, table 5-8.
"""

import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

HERE: Final = Path(__file__).resolve().parent
OBJECTIVES: Final = HERE / "objectives.yml"
RULES: Final = HERE / "tocsin-slo-rules.yml"
HEAD: Final = (
    "# Written by deploy/prometheus/burn_rates.py from objectives.yml; change that and run it.\n"
)


# A lane's name without its number; where many lanes are told as one it is the lifeline already.
OF_LANE: Final = '"lane", "(.*?)(?:-[0-9]+)?"'


class Burn(NamedTuple):
    """One alert on how fast the budget goes.

    Parameters
    ----------
    long, short : str
        Windows.
    rate : float
        1 uses the budget up in the whole period.
    severity : str
    """

    long: str
    short: str
    rate: float
    severity: str


BURNS: Final = (
    Burn("1h", "5m", 14.4, "page"),
    Burn("6h", "30m", 6.0, "page"),
    Burn("3d", "6h", 1.0, "ticket"),
)


def _ratio(wanted: dict[str, Any], window: str) -> str:
    """Share of what missed the objective, 0 to 1; nothing where nothing came."""
    good, total = (_growth(wanted, wanted[name], window) for name in ("good", "total"))
    return f"1 - {good} / ({total} > 0)"


def _growth(wanted: dict[str, Any], counter: str, window: str) -> str:
    """By how much a counter of each lifeline grew, or how fast."""
    if not wanted.get("kept"):
        return f"sum by (lifeline) (rate({counter}[{window}]))"
    named = f'label_replace(delta({counter}[{window}]), "lifeline", "$1", {OF_LANE})'
    return f"sum by (lifeline) ({named})"


def _burns(record: str, budget: float, days: int, burn: Burn) -> str:
    """Seconds within which the whole budget is gone, where it goes too fast in both windows."""
    limit = f"{burn.rate:g} * {budget:g}"
    whole_s = days * 24 * 3600
    fast = f"{record}{burn.long} > {limit}"
    return f"{whole_s} * {budget:g} / ({fast}) and {record}{burn.short} > {limit}"


def rules(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Recorded ratios of one objective, and its alerts."""
    name = wanted["name"]
    budget = round(1 - wanted["objective"], 9)
    record = f"tocsin:{name.lower()}_errors:ratio_rate"
    windows = dict.fromkeys(window for burn in BURNS for window in (burn.short, burn.long))
    found: list[dict[str, Any]] = [
        {"record": record + window, "expr": _ratio(wanted, window)} for window in windows
    ]
    for burn in BURNS:
        summary = (
            f"At the rate of the last {burn.long}, the {wanted['days']} days' error budget of "
            "{{ $labels.lifeline }} is gone in {{ $value | humanizeDuration }}"
        )
        found.append(
            {
                "alert": f"Tocsin{name}BurnsIn{burn.long}",
                "expr": _burns(record, budget, wanted["days"], burn),
                "labels": {"severity": burn.severity},
                "annotations": {
                    "summary": summary,
                    "description": f"Objective: {100 * wanted['objective']:g} % {wanted['says']}.",
                    "runbook_url": wanted["runbook"],
                },
            }
        )
    return found


def text() -> str:
    """What the file of rules is to hold."""
    objectives = yaml.safe_load(OBJECTIVES.read_text(encoding="utf-8"))["objectives"]
    groups = [
        {"name": f"tocsin-slo-{wanted['name'].lower()}", "rules": rules(wanted)}
        for wanted in objectives
    ]
    return HEAD + yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000)


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text())
    else:
        RULES.write_text(text(), encoding="utf-8")
