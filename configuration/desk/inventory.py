"""How many channels there are to be watched: counts by lifeline and area, from the catalogues."""

from collections import Counter

import numpy as np
import pyarrow as pa

from alarms.duty.coverage import Inventory, Zone
from configuration.configuration import Configuration

AREA_COLUMNS = ["district", "street", "neighbourhood"]


def inventory_of(configuration: Configuration) -> Inventory:
    """Counts of all channels; a city has some ten thousand areas, however many channels.

    Parameters
    ----------
    configuration : Configuration
        With the channels of all lifelines.
    """
    channels: dict[Zone, int] = {}
    for lifeline, catalogue in sorted(configuration.catalogues.items()):
        areas = pa.table({name: catalogue.table[name] for name in AREA_COLUMNS})
        counted = areas.group_by(AREA_COLUMNS, use_threads=False).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            zone = Zone(lifeline, row["district"], row["street"], row["neighbourhood"])
            channels[zone] = row["count_all"]
    links = Counter[str]()
    for catalogue in configuration.catalogues.values():
        names, of = catalogue.links()
        counts = np.bincount(of[of >= 0], minlength=len(names)).tolist()
        links.update(dict(zip(names, counts, strict=True)))
    lanes = dict(configuration.partitions)
    return Inventory(dict(sorted(channels.items())), lanes, dict(sorted(links.items())))
