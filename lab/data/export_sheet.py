"""What a historian's export says in which column: declared beside the file, never guessed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class TimeColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the event time stands and how it is written.

    Parameters
    ----------
    column : str
    zone : str
        Of times that name no zone: `Asia/Shanghai`, `+08:00`. Of an hour that comes twice when
        summer time ends, the first is taken.
    format : str
        As `strptime` takes it, empty for ISO 8601.
    epoch : {"s", "ms", "us", "ns"}
        Unit of whole numbers since 1970 UTC.
    """

    column: Text = "time"
    zone: Annotated[str, Meta(max_length=60)] = ""
    format: Annotated[str, Meta(max_length=60)] = ""
    epoch: Literal["s", "ms", "us", "ns"] = "ms"


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Channel behind a name of the export, and the unit of its values there.

    Parameters
    ----------
    channel : str
        Id in the catalogue. In a wide file it may hold columns in braces: `metro.{station}.exits`.
    unit : str
        Empty: as the gateway sends it, converted by scale and offset of the catalogue.
    """

    channel: Text
    unit: Annotated[str, Meta(max_length=40)] = ""


class Long(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of a file with one reading a row; quality is `good`, `uncertain` or `bad`."""

    channel: Text = "channel"
    value: Text = "value"
    quality: Annotated[str, Meta(max_length=200)] = "quality"


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Columns of some files.

    Parameters
    ----------
    files : str
        Pattern of their names.
    time : TimeColumn
    long : Long or None
        One reading a row.
    wide : dict of str to Named or None
        One column a channel, by column. With neither, a file that has the columns of `Long` is
        long, and of any other each column but the time is the channel of its name.
    channels : dict of str to Named
        Names of a long file that are no channel ids.
    delimiter, decimal : str
        Of CSV.
    """

    files: Text = "*"
    time: TimeColumn = TimeColumn()
    long: Long | None = None
    wide: dict[str, Named] | None = None
    channels: dict[str, Named] = {}
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    decimal: Annotated[str, Meta(min_length=1, max_length=1)] = "."
