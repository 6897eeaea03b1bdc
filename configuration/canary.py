"""The class and the one channel of a lane's canary."""

from typing import Final

import pyarrow as pa

from alarms.rationalisation import Owner, Rationalisation, Respond
from configuration.pack import ClassPack, LimitRule, Pack
from contracts.catalogue import SCHEMA, Catalogue
from contracts.quantities import Duration
from detectors.base.thresholds import Steps
from ingest.admit import Plausible
from pipeline.lane.canary import LOUD, QUIET

_RUNBOOK: Final = "docs/runbooks/detector-blind.md"
_WHY: Final = Rationalisation(
    cause="a known anomaly, made by Tocsin itself three times a minute",
    consequence="none; were it not to ring, real alarms might not ring either",
    respond=Respond(_RUNBOOK, ["nothing to do: it has rung"]),
    owner=Owner("city", "whoever runs Tocsin", Duration("1 h"), "city"),
    source=_RUNBOOK,
)


def canary_pack(lifeline: str) -> ClassPack:
    """Class of the canaries of a lifeline: one limit without delays."""
    return Pack(
        class_name=f"{lifeline}.canary",
        unit="1",
        period=Duration("60 s"),
        plausible=Plausible(range=(QUIET, LOUD)),
        limit=LimitRule(high=Steps(blue=(QUIET + LOUD) / 2), duty=_WHY),
        at={"limit": "canary:1"},
    )


def canary_catalogue(channel: str, class_name: str) -> Catalogue:
    """The one channel of a canary."""
    row: dict[str, object] = {
        **dict.fromkeys(SCHEMA.names, ""),
        "id": channel,
        "class": class_name,
        "asset": channel,
        "group": channel,
        "scale": 1.0,
        "offset": 0.0,
        "lon": None,
        "lat": None,
        "name_en": "canary",
        "name_zh": "自检",
    }
    return Catalogue(pa.Table.from_pylist([row], SCHEMA))
