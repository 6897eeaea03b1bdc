"""From records of topics to rows of tables: a pure function, the same whenever it is asked."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from contracts.alarm import ShelvingRecord, decode_alarm
from contracts.bounded_text import bounded
from contracts.dead_letter import PAYLOAD_KEPT
from contracts.desk.incident import Incident, Member
from contracts.desk.journal import decode_desk_entry
from contracts.desk.notice import Notice
from contracts.errors import DETAIL_BYTES
from contracts.journal import COMMAND_BYTES, CommandBase, Refuse, decode_entry
from contracts.ports.projection import TopicRecord
from contracts.topics import TopicNames
from sinks.history.tables import (
    ALARMS,
    COMMANDS,
    FED,
    INCIDENT_LIFELINES,
    INCIDENT_REVISIONS,
    INCIDENTS,
    MEMBERS,
    NOTICES,
    SHELVINGS,
    UNREADABLE,
)

Row = dict[str, Any]

_INCIDENT: Final = msgspec.json.Decoder(Incident)
_NOTICE: Final = msgspec.json.Decoder(Notice)
_SHELVING: Final = msgspec.json.Decoder(ShelvingRecord)
_INTEGER_MAX: Final = 2**63 - 1
_TARGETS: Final = ("target", "channel", "order", "config", "asset")
# An index of PostgreSQL takes some 2,700 bytes; what lanes tell is far shorter than this.
_NAME_MAX: Final = 600
_LONG: Final = frozenset(
    ("body", "ended_reason", "reason", "refused_detail", "title_en", "title_zh", "withheld_detail")
)
_FED: Final = frozenset(table for table, _ in FED.values())
PARTS: Final = (INCIDENT_LIFELINES, MEMBERS)


class Rows:
    """Rows to be written together: of each key the last one, in the order in which they came.

    Parameters
    ----------
    names : TopicNames

    Attributes
    ----------
    unreadable : int
        Records that are not what they say.
    """

    def __init__(self, names: TopicNames) -> None:
        self._desk_journal = names.journal("desk")
        self._rows: dict[Table, dict[tuple[Any, ...], Row]] = {}
        # By incident what its newest revision lists, in place of what earlier ones did.
        self._parts: dict[str, list[tuple[Table, Row]]] = {}
        self.unreadable = 0

    def take(self, record: TopicRecord) -> None:
        """Add what a record says; marks, ticks and whatever else is not history say nothing."""
        try:
            found = [(table, _storable(row)) for table, row in self._read(record)]
        except (ValueError, RecursionError) as error:  # text that is no UTF-8 is the former
            found = [(UNREADABLE, _unreadable(record, error))]
            self.unreadable += 1
        for table, row in found:
            if table is INCIDENTS:
                self._parts[row["id"]] = [one for one in found if one[0] in PARTS]
            if table not in PARTS:
                rows = self._rows.setdefault(table, {})
                key = _key(table, row)
                rows.pop(key, None)
                rows[key] = row

    @property
    def incidents(self) -> list[str]:
        """Incidents whose parts are written anew."""
        return list(self._parts)

    def by_table(self) -> dict[Table, list[Row]]:
        """All rows."""
        parts: dict[Table, dict[tuple[Any, ...], Row]] = {}
        for listed in self._parts.values():
            for table, row in listed:
                parts.setdefault(table, {})[_key(table, row)] = row
        return {table: list(rows.values()) for table, rows in (self._rows | parts).items()}

    def number(self, seq: int) -> int:
        """Give every row that the feed shows the number behind the one before; the last one."""
        for table in self._rows:
            if table in _FED:
                for row in self._rows[table].values():
                    seq += 1
                    row["seq"] = seq
        return seq

    def _read(self, record: TopicRecord) -> Iterable[tuple[Table, Row]]:
        body = record.value or b""
        if record.kind == "revision":
            return [(ALARMS, _alarm(record, body))]
        if record.kind == "incident":
            return _incident(record, body)
        if record.kind == "notice":
            return [(NOTICES, _notice(record, body))]
        if record.kind == "shelving":
            return [(SHELVINGS, _shelving(record, body))]
        if record.kind == "entry":
            decode: Any = decode_entry
            if record.topic == self._desk_journal:
                decode = decode_desk_entry
            entry = decode(body)
            if entry.command is not None and isinstance(entry.change, CommandBase | Refuse):
                return [(COMMANDS, _command(record, entry.change))]
        return []


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _log(record: TopicRecord) -> Row:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "log_offset": record.offset,
        "logged_ms": record.time_ms,
    }


def _lane(record: TopicRecord) -> str:
    return f"{record.topic.rpartition('.')[2]}-{record.partition}"


def _ms(text: str) -> int | None:
    """Milliseconds since 1970 UTC of a time with an offset, None for anything else."""
    try:
        then = datetime.fromisoformat(text)
        return None if then.tzinfo is None else round(then.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _storable(row: Row) -> Row:
    """The row as both databases keep it: PostgreSQL takes no NUL in texts.

    Raises
    ------
    ValueError
        For a number that no column of 64 bits can hold, and for a name that no index can.
    """
    for name, value in row.items():
        if isinstance(value, str):
            if "\0" in value:
                row[name] = value.replace("\0", "\ufffd")
            if len(value) > _NAME_MAX and name not in _LONG:
                msg = f"expected `{name}` of at most {_NAME_MAX} characters, got {len(value)}"
                raise ValueError(msg)
        elif isinstance(value, int) and abs(value) > _INTEGER_MAX:
            msg = f"expected `{name}` within 64 bits, got {value}"
            raise ValueError(msg)
    return row


def _unreadable(record: TopicRecord, error: Exception) -> Row:
    why = f"expected a record of this release, got {error}; find out who wrote it"
    body = record.value or b""
    return {
        **_log(record),
        "kind": bounded(record.kind, 64).replace("\0", "\ufffd"),
        "why": bounded(why, DETAIL_BYTES).replace("\0", "\ufffd"),
        "bytes": body[:PAYLOAD_KEPT],
        "size": len(body),
    }


def _alarm(record: TopicRecord, body: bytes) -> Row:
    alarm = decode_alarm(body)
    return {
        "id": alarm.id,
        "revision": alarm.revision,
        "lane": _lane(record),
        "lifeline": alarm.lifeline,
        "state": alarm.state,
        "colour": alarm.colour,
        "was": alarm.was,
        "channel": alarm.channel,
        "asset": alarm.asset,
        "class": alarm.class_name,
        "district": alarm.where.district,
        "street": alarm.where.street,
        "rule": alarm.rule.name,
        "finding": alarm.rule.finding,
        "onset_ms": _ms(alarm.onset),
        "detected_ms": _ms(alarm.detected),
        "life_safety": alarm.life_safety,
        "body": body.decode(),
        **_log(record),
    }


def _incident(record: TopicRecord, body: bytes) -> list[tuple[Table, Row]]:
    incident = _INCIDENT.decode(body)
    situation = incident.situation
    found: list[tuple[Table, Row]] = [
        (INCIDENT_REVISIONS, _incident_revision(record, body, incident)),
        (INCIDENTS, _newest(record, incident)),
    ]
    found += (
        (INCIDENT_LIFELINES, {"incident": incident.id, "lifeline": name})
        for name in situation.lifelines
    )
    for place, member in enumerate(situation.members):
        found += ((MEMBERS, row) for row in _members(incident.id, place, member))
    return found


def _incident_revision(record: TopicRecord, body: bytes, incident: Incident) -> Row:
    return {
        "id": incident.id,
        "revision": incident.revision,
        "reason": incident.reason,
        "at_ms": _ms(incident.at),
        "state": incident.situation.state,
        "colour": incident.situation.colour,
        "ticket_state": incident.ticket.state,
        "owner": incident.ticket.owner,
        "verdict": incident.ticket.verdict,
        "drill": incident.drill,
        "config": incident.config,
        "body": body.decode(),
        **_log(record),
    }


def _newest(record: TopicRecord, incident: Incident) -> Row:
    situation, ticket = incident.situation, incident.ticket
    return {
        "id": incident.id,
        "revision": incident.revision,
        "open": situation.state != "merged" and not ticket.verdict,
        "state": situation.state,
        "colour": situation.colour,
        "worst": situation.worst,
        "ticket_state": ticket.state,
        "owner": ticket.owner,
        "verdict": ticket.verdict,
        "acknowledged": ticket.acknowledged,
        "district": situation.where.district,
        "street": situation.where.street,
        "title_en": situation.title.get("en", ""),
        "title_zh": situation.title.get("zh", ""),
        "root": "" if situation.root is None else situation.root.asset,
        "onset_ms": _ms(situation.onset),
        "detected_ms": _ms(situation.detected),
        "told_ms": _ms(incident.at),
        "due_ms": _ms(ticket.due),
        "people": situation.impact.people,
        "alarms": situation.counts.get("all", len(situation.members)),
        "life_safety": situation.life_safety,
        "drill": incident.drill,
        "merged_into": situation.merged_into,
        "split_from": situation.split_from,
        "logged_ms": record.time_ms,
    }


def _members(incident: str, place: int, member: Member) -> Iterator[Row]:
    """A member, and the alarms of other rules of its channel."""
    own = {
        "incident": incident,
        "alarm": member.alarm,
        "place": place,
        "asset": member.asset,
        "channel": member.channel,
        "lifeline": member.lifeline,
        "colour": member.colour,
        "state": member.state,
        "how": member.why.how,
        "also_of": "",
        "weight": member.why.weight,
    }
    yield own
    for alarm in member.also:
        yield {**own, "alarm": alarm, "also_of": member.alarm}


def _notice(record: TopicRecord, body: bytes) -> Row:
    notice = _NOTICE.decode(body)
    withheld = notice.withheld
    return {
        "id": notice.id,
        "incident": notice.incident,
        "alarm": notice.alarm,
        "revision": notice.revision,
        "desk": notice.desk,
        "level": notice.level,
        "reason": notice.reason,
        "colour": notice.colour,
        "at_ms": _ms(notice.at),
        "acknowledge_by_ms": _ms(notice.acknowledge_by),
        "withheld_by": None if withheld is None else withheld.by,
        "withheld_until_ms": None if withheld is None else _ms(withheld.until),
        "withheld_detail": "" if withheld is None else withheld.detail,
        "drill": notice.drill,
        "late": notice.late,
        "body": body.decode(),
        **_log(record),
    }


def _shelving(record: TopicRecord, body: bytes) -> Row:
    told = _SHELVING.decode(body)
    ended = told.ended
    return {
        "channel": told.channel,
        "since": told.since,
        "lifeline": told.lifeline,
        "state": told.state,
        "since_ms": _ms(told.since),
        "until_ms": _ms(told.until),
        "by": told.by,
        "role": told.role,
        "reason": told.reason,
        "command": told.command,
        "ended_ms": None if ended is None else _ms(ended.at),
        "ended_how": "" if ended is None else ended.how,
        "ended_by": "" if ended is None else ended.by,
        "ended_role": "" if ended is None else ended.role,
        "ended_reason": "" if ended is None else ended.reason,
        **_log(record),
    }


def _command(record: TopicRecord, change: CommandBase | Refuse) -> Row:
    """A command that took effect, or a refused one with what it said of itself."""
    refusal = change if isinstance(change, Refuse) else None
    body = refusal.body if refusal else msgspec.json.encode(change).decode()
    said = _said(body) if refusal else msgspec.to_builtins(change)
    given = said.get("at")
    return {
        **_log(record),
        "lane": _lane(record),
        "command": _word(said, "id"),
        "kind": _word(said, "kind"),
        "target": next((word for name in _TARGETS if (word := _word(said, name))), ""),
        "by": _word(said, "by"),
        "role": _word(said, "role"),
        "reason": _word(said, "reason"),
        "signed_by": _word(said, "key"),
        "given_ms": given if type(given) is int and 0 < given <= _INTEGER_MAX else None,
        "refused": refusal is not None,
        "refused_for": refusal.reason if refusal else "",
        "refused_detail": refusal.detail if refusal else "",
        "body": body,
    }


def _said(body: str) -> Row:
    """Fields of a refused command, none when it is no JSON object or too long to be kept whole."""
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _word(said: Row, name: str) -> str:
    value = said.get(name)
    most = COMMAND_BYTES if name in _LONG else _NAME_MAX
    return bounded(value, most) if isinstance(value, str) else ""
