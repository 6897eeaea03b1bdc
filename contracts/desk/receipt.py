"""Receipts: what became of a notice at one receiver, and where that receiver goes on."""

from typing import Final, Literal

import msgspec

NOTICES: Final = "notices"
INCIDENTS: Final = "incidents"


class Receipt(msgspec.Struct, frozen=True):
    """What became of one notice at one receiver; (`receiver`, `notice`) is its key.

    Parameters
    ----------
    receiver : str
        Its id in the configuration.
    notice : str
        Id of the notice, empty where the receiver began to listen.
    outcome : str
        `began`; `delivered`: the receiver confirmed it; `failed`: it was refused for good, or given
        up after the last try; `superseded`: its incident was over before it could be told, and the
        notice that says so was told instead.
    at : str
        RFC 3339.
    tries : int
        How often it was sent, since the process began.
    late_s : int
        Seconds between the notice and this receipt.
    detail : str
        Why it failed, or what superseded it.
    position : int
        Offset of the next notice for this receiver.
    open : bool
        Whether its incident counts as open at the receiver from here on.
    since : dict of str to int
        By topic, `notices` and `incidents`, the offset from which on everything must be read that
        the receiver's open incidents are known from.
    """

    receiver: str
    notice: str
    outcome: Literal["began", "delivered", "failed", "superseded"]
    at: str
    tries: int
    late_s: int
    detail: str
    position: int
    open: bool
    since: dict[str, int]
