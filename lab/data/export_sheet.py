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
        Of times that name no zone: `Asia/Shanghai`, `+08:00`. In the hour that comes twice when
        summer time ends, the order of the file says which of both is meant.
    format : str
        As `strptime` takes it, empty for ISO 8601; it has a year, a month and a day, and `%f`,
        `%z` and `%Z` at its end. A name of a zone (`CET`) must be one of `zone`.
    epoch : {"s", "ms", "us", "ns", "spreadsheet"}
        Unit of numbers since 1970 UTC, whole or with a fraction; `spreadsheet` for days since
        1899-12-30 in `zone`.
    """

    column: Text = "time"
    zone: Annotated[str, Meta(max_length=60)] = ""
    format: Annotated[str, Meta(max_length=60)] = ""
    epoch: Literal["s", "ms", "us", "ns", "spreadsheet"] = "ms"


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Channel behind a name of the export, and the unit of its values there.

    Parameters
    ----------
    channel : str
        Id in the catalogue. In a wide file it may hold columns in braces: `metro.{station}.exits`,
        in lower case as `{station:lower}`.
    unit : str
        Empty: as the gateway sends it, converted by scale and offset of the catalogue.
    """

    channel: Text
    unit: Annotated[str, Meta(max_length=40)] = ""


class Long(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of a file with one reading a row.

    Quality is `good`, `uncertain` or `bad`, or 0, 1 or 2 for the same, and good where it is empty.
    """

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
    names : dict of str to dict of str to str
        By column in braces: what stands in an id for a cell of it.
    values : dict of str to float
        Numbers behind words and digital states, in any case: `{Open: 1, Closed: 0}`. Without one
        a word is a reading that is not finite.
    holes : list of str
        Cells that stand for no reading, as `NULL`; an empty cell of a wide file always does.
    qualities : dict of str to {"good", "uncertain", "bad"}
        Other words and numbers of a quality: `{"192": good, "0": bad}`.
    delimiter, decimal, encoding : str
        Of CSV.
    """

    files: Text = "*"
    time: TimeColumn = TimeColumn()
    long: Long | None = None
    wide: dict[str, Named] | None = None
    channels: dict[str, Named] = {}
    names: dict[str, dict[str, str]] = {}
    values: dict[str, float] = {}
    holes: list[str] = []
    qualities: dict[str, Literal["good", "uncertain", "bad"]] = {}
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    decimal: Annotated[str, Meta(min_length=1, max_length=1)] = "."
    encoding: Annotated[str, Meta(min_length=1, max_length=40)] = "utf-8"
