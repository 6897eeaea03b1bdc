"""Version 1: what alarms, incidents, notices, commands and shelvings were, and the positions."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def _texts(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str, null: bool = False) -> list[Any]:
    return [sa.Column(name, sa.BigInteger, nullable=null) for name in names]


def _flags(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names]


def _log() -> list[Any]:
    partition = sa.Column("partition", sa.Integer, nullable=False)
    return [*_texts("topic"), partition, *_numbers("log_offset", "logged_ms")]


def _table(name: str, *columns: Any, key: tuple[str, ...]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key))


def upgrade() -> None:
    """Make the tables."""
    _alarms()
    _incidents()
    _notices()
    _commands()
    _shelvings()
    _reading()


def _alarms() -> None:
    _table(
        "alarm_revisions",
        *_texts("id"),
        *_numbers("revision"),
        *_texts("lane", "lifeline", "state", "colour", "was", "channel", "asset"),
        *_texts("class", "district", "street", "rule", "finding"),
        *_numbers("onset_ms", "detected_ms", null=True),
        *_flags("life_safety"),
        *_texts("body"),
        *_log(),
        key=("id", "revision"),
    )
    op.create_index("alarm_revisions_channel", "alarm_revisions", ["channel", "detected_ms"])
    op.create_index("alarm_revisions_logged", "alarm_revisions", ["logged_ms"])


def _incidents() -> None:
    _table(
        "incident_revisions",
        *_texts("id"),
        *_numbers("revision"),
        *_texts("reason"),
        *_numbers("at_ms", null=True),
        *_texts("state", "colour", "ticket_state", "owner", "verdict"),
        *_flags("drill"),
        *_texts("config", "body"),
        *_log(),
        key=("id", "revision"),
    )
    op.create_index("incident_revisions_logged", "incident_revisions", ["logged_ms"])
    _table(
        "incidents",
        *_texts("id"),
        *_numbers("revision"),
        *_flags("open"),
        *_texts("state", "colour", "worst", "ticket_state", "owner", "verdict"),
        *_flags("acknowledged"),
        *_texts("district", "street", "title_en", "title_zh", "root"),
        *_numbers("onset_ms", "detected_ms", "told_ms", "due_ms", null=True),
        *_numbers("people", "alarms"),
        *_flags("life_safety", "drill"),
        *_texts("merged_into", "split_from"),
        *_numbers("logged_ms"),
        key=("id",),
    )
    op.create_index("incidents_open", "incidents", ["open", "colour", "district"])
    op.create_index("incidents_owner", "incidents", ["owner", "open"])
    op.create_index("incidents_logged", "incidents", ["logged_ms"])
    _parts_of_incidents()


def _parts_of_incidents() -> None:
    lifelines = _texts("incident", "lifeline")
    _table("incident_lifelines", *lifelines, key=("incident", "lifeline"))
    op.create_index("incident_lifelines_lifeline", "incident_lifelines", ["lifeline", "incident"])
    _table(
        "incident_members",
        *_texts("incident", "alarm"),
        sa.Column("place", sa.Integer, nullable=False),
        *_texts("asset", "channel", "lifeline", "colour", "state", "how", "also_of"),
        sa.Column("weight", sa.Float, nullable=False),
        key=("incident", "alarm"),
    )
    op.create_index("incident_members_alarm", "incident_members", ["alarm"])


def _notices() -> None:
    _table(
        "notices",
        *_texts("id", "incident", "alarm"),
        *_numbers("revision"),
        *_texts("desk", "level", "reason", "colour"),
        *_numbers("at_ms", "acknowledge_by_ms", null=True),
        sa.Column("withheld_by", sa.Text, nullable=True),
        *_numbers("withheld_until_ms", null=True),
        *_texts("withheld_detail"),
        *_flags("drill", "late"),
        *_texts("body"),
        *_log(),
        key=("id",),
    )
    op.create_index("notices_incident", "notices", ["incident", "desk"])
    op.create_index("notices_desk", "notices", ["desk", "at_ms"])
    op.create_index("notices_withheld", "notices", ["withheld_by", "at_ms"])
    op.create_index("notices_logged", "notices", ["logged_ms"])


def _commands() -> None:
    _table(
        "commands",
        *_log(),
        *_texts("lane", "command", "kind", "target", "by", "role", "reason", "signed_by"),
        *_numbers("given_ms", null=True),
        *_flags("refused"),
        *_texts("refused_for", "refused_detail", "body"),
        key=("topic", "partition", "log_offset"),
    )
    op.create_index("commands_by", "commands", ["by", "logged_ms"])
    op.create_index("commands_target", "commands", ["target", "logged_ms"])
    op.create_index("commands_logged", "commands", ["logged_ms"])


def _shelvings() -> None:
    _table(
        "shelvings",
        *_texts("channel", "since", "lifeline", "state"),
        *_numbers("since_ms", "until_ms", null=True),
        *_texts("by", "role", "reason", "command"),
        *_numbers("ended_ms", null=True),
        *_texts("ended_how", "ended_by", "ended_role", "ended_reason"),
        *_log(),
        key=("channel", "since"),
    )
    op.create_index("shelvings_by", "shelvings", ["by", "since_ms"])
    op.create_index("shelvings_logged", "shelvings", ["logged_ms"])


def _reading() -> None:
    _table(
        "unreadable",
        *_log(),
        *_texts("kind", "why"),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        *_numbers("size"),
        key=("topic", "partition", "log_offset"),
    )
    _table(
        "positions",
        *_texts("topic"),
        sa.Column("partition", sa.Integer, nullable=False),
        *_numbers("next_offset"),
        key=("topic", "partition"),
    )
