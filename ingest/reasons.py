"""Why a message is refused: the words that metrics and dead letters carry."""

from enum import StrEnum


class Reason(StrEnum):
    """One word for each kind of fault."""

    EMPTY = "empty"
    UNKNOWN_FORMAT = "unknown_format"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    BAD_JSON = "bad_json"
    BAD_ARROW = "bad_arrow"
    BAD_SCHEMA = "bad_schema"
    COMPRESSED = "compressed"
    BAD_CHANNEL = "bad_channel"
    BAD_TIME = "bad_time"
    BAD_QUALITY = "bad_quality"
