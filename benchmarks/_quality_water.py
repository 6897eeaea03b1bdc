"""Trouble in L-Town that wntr makes, through the lanes of a pack: what is found, and how soon."""

from pathlib import Path

from lab.generators.water import Water

ROOT = Path(__file__).resolve().parents[1]
L_TOWN = ROOT.parent / "shared" / "data" / "water_battledim" / "L-TOWN.inp"
# The 33 places that its authors gave pressure sensors (BattLeDIM).
SENSORS = (
    *("n1", "n4", "n31", "n54", "n105", "n114", "n163", "n188", "n215", "n229", "n288"),
    *("n296", "n332", "n342", "n410", "n415", "n429", "n458", "n469", "n495", "n506", "n516"),
    *("n519", "n549", "n613", "n636", "n644", "n679", "n722", "n726", "n740", "n752", "n769"),
)
# What is made was fixed before any rule was tuned on it; rules were tuned on seeds from TUNED on,
# and are judged on those from JUDGED on.
JUDGED, TUNED = 0, 1000
KINDS = {
    "burst": (200, {}),
    "leak": (24, {"span_days": 8, "calm_spans": 5, "lasts_h": (120.0, 160.0)}),
    "trip": (24, {}),
    "valve": (24, {}),
}


def parameters(kind: str, count: int, seed: int = JUDGED) -> Water:
    """What readings of a kind of trouble follow from: six weeks without, then `count` spans."""
    figures = {"calm_spans": 14, **KINDS[kind][1]}
    return Water(seed, str(L_TOWN), SENSORS, kind, spans=count, **figures)
