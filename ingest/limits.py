"""How much one message may hold before it is refused unread."""

from enum import StrEnum

import msgspec


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
    BAD_BATCH = "bad_batch"


class DecodeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of one message; what lies beyond is refused whole.

    Parameters
    ----------
    message_bytes : int
        Largest payload. Nothing in a payload is decompressed, so this bounds memory too.
    readings_per_message : int
        Most readings in one payload.
    batches_per_message : int
        Most record and dictionary batches in one Arrow stream: each costs a validation.
    channel_bytes : int
        Longest channel id in UTF-8.
    """

    message_bytes: int = 1 << 20
    readings_per_message: int = 100_000
    batches_per_message: int = 64
    channel_bytes: int = 128
