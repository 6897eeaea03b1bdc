"""Silence: what stops arriving is noticed, on the lane's own clock."""

import msgspec

from contracts.quantities import Duration


class Silent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rings when a channel has not been heard for a time; one reading ends it.

    Parameters
    ----------
    after : Duration
        Lane time without a reading of the channel, usually in periods of the class.
    colour : str
        Colour that rings.
    """

    after: Duration
    colour: str = "blue"
