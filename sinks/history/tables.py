"""The tables of the history as the newest migration leaves them.

Times end in `_ms`: milliseconds since 1970 UTC; null where a record names none. `topic`,
`partition` and `log_offset` say which record a row was made of, `logged_ms` is that record's
stamp. `body` is the record's own text. `seq` rises with every row that is written, over all tables.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

METADATA: Final = MetaData()


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=null, autoincrement=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _log(*, key: bool = False) -> list[Column[Any]]:
    """Which record a row was made of; the key of what has no other."""
    return [
        _text("topic", key=key),
        Column("partition", Integer, primary_key=key, nullable=False, autoincrement=False),
        _number("log_offset", key=key),
        _number("logged_ms"),
    ]


def _fed(table: str) -> list[Column[Any] | Index]:
    """What retention and the feed of changes look for in a table, and its number in the feed."""
    return [
        Column("seq", BigInteger, nullable=False, server_default="0"),
        Index(f"{table}_logged", "logged_ms"),
        Index(f"{table}_seq", "seq"),
    ]


ALARMS: Final = Table(
    "alarm_revisions",
    METADATA,
    _text("id", key=True),
    _number("revision", key=True),
    *(_text(name) for name in ("lane", "lifeline", "state", "colour", "was", "channel", "asset")),
    *(_text(name) for name in ("class", "district", "street", "rule", "finding")),
    _number("onset_ms", null=True),
    _number("detected_ms", null=True),
    _flag("life_safety"),
    _text("body"),
    *_log(),
    *_fed("alarm_revisions"),
    Index("alarm_revisions_channel", "channel", "detected_ms"),
)

INCIDENT_REVISIONS: Final = Table(
    "incident_revisions",
    METADATA,
    _text("id", key=True),
    _number("revision", key=True),
    _text("reason"),
    _number("at_ms", null=True),
    *(_text(name) for name in ("state", "colour", "ticket_state", "owner", "verdict")),
    _flag("drill"),
    _text("config"),
    _text("body"),
    *_log(),
    *_fed("incident_revisions"),
)

# The newest revision of each incident, in columns by which people look for it.
INCIDENTS: Final = Table(
    "incidents",
    METADATA,
    _text("id", key=True),
    _number("revision"),
    _flag("open"),
    *(_text(name) for name in ("state", "colour", "worst", "ticket_state", "owner", "verdict")),
    _flag("acknowledged"),
    *(_text(name) for name in ("district", "street", "title_en", "title_zh", "root")),
    _number("onset_ms", null=True),
    _number("detected_ms", null=True),
    _number("told_ms", null=True),
    _number("due_ms", null=True),
    _number("people"),
    _number("alarms"),
    _flag("life_safety"),
    _flag("drill"),
    _text("merged_into"),
    _text("split_from"),
    _number("logged_ms"),
    Index("incidents_open", "open", "colour", "district"),
    Index("incidents_owner", "owner", "open"),
    Index("incidents_logged", "logged_ms"),
)

INCIDENT_LIFELINES: Final = Table(
    "incident_lifelines",
    METADATA,
    _text("incident", key=True),
    _text("lifeline", key=True),
    Index("incident_lifelines_lifeline", "lifeline", "incident"),
)

# `also_of` is the member whose channel rang by this alarm's rule as well, else empty.
MEMBERS: Final = Table(
    "incident_members",
    METADATA,
    _text("incident", key=True),
    _text("alarm", key=True),
    Column("place", Integer, nullable=False),
    *(_text(name) for name in ("asset", "channel", "lifeline", "colour", "state", "how")),
    _text("also_of"),
    Column("weight", Float, nullable=False),
    Index("incident_members_alarm", "alarm"),
)

NOTICES: Final = Table(
    "notices",
    METADATA,
    _text("id", key=True),
    *(_text(name) for name in ("incident", "alarm")),
    _number("revision"),
    *(_text(name) for name in ("desk", "level", "reason", "colour")),
    _number("at_ms", null=True),
    _number("acknowledge_by_ms", null=True),
    _text("withheld_by", null=True),
    _number("withheld_until_ms", null=True),
    _text("withheld_detail"),
    _flag("drill"),
    _flag("late"),
    _text("body"),
    *_log(),
    *_fed("notices"),
    Index("notices_incident", "incident", "desk"),
    Index("notices_desk", "desk", "at_ms"),
    Index("notices_withheld", "withheld_by", "at_ms"),
)

# From the journals of lanes and of the desk stage: a command takes effect when it stands there.
COMMANDS: Final = Table(
    "commands",
    METADATA,
    *_log(key=True),
    *(_text(name) for name in ("lane", "command", "kind", "target", "by", "role", "reason")),
    _text("signed_by"),
    _number("given_ms", null=True),
    _flag("refused"),
    _text("refused_for"),
    _text("refused_detail"),
    _text("body"),
    *_fed("commands"),
    Index("commands_by", "by", "logged_ms"),
    Index("commands_target", "target", "logged_ms"),
)

SHELVINGS: Final = Table(
    "shelvings",
    METADATA,
    _text("channel", key=True),
    _text("since", key=True),
    *(_text(name) for name in ("lifeline", "state")),
    _number("since_ms", null=True),
    _number("until_ms", null=True),
    *(_text(name) for name in ("by", "role", "reason", "command")),
    _number("ended_ms", null=True),
    *(_text(name) for name in ("ended_how", "ended_by", "ended_role", "ended_reason")),
    *_log(),
    *_fed("shelvings"),
    Index("shelvings_by", "by", "since_ms"),
)

# Records that are not what their topic and header say, from their beginning.
UNREADABLE: Final = Table(
    "unreadable",
    METADATA,
    *_log(key=True),
    _text("kind"),
    _text("why"),
    Column("bytes", LargeBinary, nullable=False),
    _number("size"),
)

# Offset of the next record to take, written in the transaction of the rows before it.
POSITIONS: Final = Table(
    "positions",
    METADATA,
    _text("topic", key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    _number("next_offset"),
)

# One row. A `seq` means something within one `generation`; a rebuilt history has another one.
FEED: Final = Table(
    "feed",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    _text("generation"),
    _number("seq"),
    _number("writes"),
    # When its writer last had all that the topics held.
    Column("current_ms", BigInteger, nullable=False, server_default="0"),
)

# What the feed of changes shows, with the columns that name a row in it.
FED: Final[dict[str, tuple[Table, str]]] = {
    "alarm": (ALARMS, "id"),
    "incident": (INCIDENT_REVISIONS, "id"),
    "notice": (NOTICES, "id"),
    "command": (COMMANDS, "target"),
    "shelving": (SHELVINGS, "channel"),
}
