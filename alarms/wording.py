"""Times as records tell them: in the city's own zone."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from contracts.quantities import NS_PER_S


@lru_cache(maxsize=1024)  # alarms that ring together share their moments
def clock(ns: int, zone: timezone) -> str:
    """RFC 3339 time of the city, with as many decimals as it has, at most milliseconds.

    >>> clock(1_772_305_920_250_000_000, timezone(timedelta(hours=8)))
    '2026-03-01T03:12:00.250+08:00'
    >>> clock(1_772_305_920_000_000_000, timezone(timedelta(hours=8)))
    '2026-03-01T03:12:00+08:00'
    """
    seconds, rest = divmod(ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=rest // 1_000_000)
    local = moment.astimezone(zone)
    return local.isoformat(timespec="milliseconds" if rest >= 1_000_000 else "seconds")
