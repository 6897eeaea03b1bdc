"""Who is near whom: the nearest channels of the same class in the same group."""

import numpy as np
from numpy.typing import NDArray

from detectors.base.kind import Roster


def nearest_in_group(rows: NDArray[np.int64], roster: Roster, most: int) -> NDArray[np.int64]:
    """Nearest others of every place, the nearest first.

    Distances are those of a plane that touches the earth at the place: right enough for who is
    nearest in a city. Channels without a place come last, and those equally far by their order,
    so that the result depends on nothing but the group.

    Parameters
    ----------
    rows : int64, shape (n,)
        Lane rows, rising.
    roster : Roster
    most : int

    Returns
    -------
    int64, shape (n, most)
        Places in `rows`, -1 where there is none.
    """
    found = np.full((len(rows), most), -1, np.int64)
    groups: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        name = roster.classes[roster.class_of[row]]
        groups.setdefault((roster.groups[row], name), []).append(place)
    for members in groups.values():
        places = np.array(members)
        where = roster.places[rows[places]]
        for i, place in enumerate(members):
            order = np.argsort(_distance(where, i), kind="stable")
            others = places[order[order != i]][:most]
            found[place, : len(others)] = others
    return found


def _distance(where: NDArray[np.float64], i: int) -> NDArray[np.float64]:
    """Distance of all from one, in degrees of latitude; infinite where unknown."""
    east = (where[:, 0] - where[i, 0]) * np.cos(np.radians(where[i, 1]))
    far = np.hypot(east, where[:, 1] - where[i, 1])
    return np.where(np.isnan(far), np.inf, far)
