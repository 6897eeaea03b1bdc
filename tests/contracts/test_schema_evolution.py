"""Within a version records gain fields alone: an old consumer reads new ones, and the reverse."""

from typing import Any

import msgspec
import pytest
from msgspec import inspect

from contracts.alarm import Alarm
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from runtime.installation import HOME
from tests.contracts.old_records import OldAlarm, OldIncident, OldNotice

PAIRS = [(Alarm, OldAlarm), (Incident, OldIncident), (Notice, OldNotice)]
GOLDENS = sorted((HOME / "tests" / "goldens").glob("alarms_*.jsonl"))
DESK_GOLDEN = HOME / "tests" / "goldens" / "desk_loss.jsonl"


def filled(node: inspect.Type, name: str) -> Any:
    """Plain data of a type with every field set, none to its default."""
    if isinstance(node, inspect.StructType):
        return {f.encode_name: filled(f.type, f.encode_name) for f in node.fields}
    if isinstance(node, inspect.UnionType):
        return filled(next(t for t in node.types if not isinstance(t, inspect.NoneType)), name)
    if isinstance(node, inspect.LiteralType):
        return node.values[-1]
    if isinstance(node, inspect.ListType):
        return [filled(node.item_type, name)]
    if isinstance(node, inspect.DictType):
        return {"en": filled(node.value_type, name)}
    plain = {inspect.BoolType: True, inspect.IntType: 7, inspect.FloatType: 0.5}
    return plain.get(type(node), f"some {name}")


def known(told: Any, to: Any) -> Any:
    """What of a record a consumer sees that knows the fields of another one."""
    if isinstance(to, dict) and isinstance(told, dict):
        return {key: known(told[key], value) for key, value in to.items()}
    if isinstance(to, list) and isinstance(told, list):
        return [known(one, other) for one, other in zip(told, to, strict=True)]
    return told


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_an_old_consumer_reads_a_new_record_with_every_field_set(new: Any, old: Any) -> None:
    told = filled(inspect.type_info(new), "record")
    body = msgspec.json.encode(msgspec.convert(told, new))
    seen = msgspec.to_builtins(msgspec.json.decode(body, type=old))
    assert seen == known(told, seen)
    assert seen != told, "the new one has fields that the old one does not know"


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_a_record_that_was_published_earlier_is_still_read(new: Any, old: Any) -> None:
    told = filled(inspect.type_info(old), "record")
    for reason in ("reason", "state", "by", "how"):  # words of today's enumerations
        _replace(told, reason, filled(inspect.type_info(new), "record"))
    body = msgspec.json.encode(msgspec.convert(told, old))
    read = msgspec.to_builtins(msgspec.json.decode(body, type=new))
    assert known(read, told) == told


def _replace(told: Any, key: str, by: Any) -> None:
    """Take one field's values from another record of the same shape."""
    if isinstance(told, dict):
        for name, value in told.items():
            if name == key and isinstance(value, str):
                told[name] = by[name]
            else:
                _replace(value, key, by[name])
    elif isinstance(told, list):
        for one, other in zip(told, by, strict=True):
            _replace(one, key, other)


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_an_old_consumer_reads_the_streams_of_this_release(path: Any) -> None:
    lines = path.read_bytes().splitlines()
    assert lines
    for line in lines:
        seen = msgspec.to_builtins(msgspec.json.decode(line, type=OldAlarm))
        assert seen == known(msgspec.json.decode(line), seen)


def test_an_old_consumer_reads_the_stream_of_a_desk() -> None:
    """Incidents and notices of this release, as a consumer of an earlier one takes them."""
    old = {"incident": OldIncident, "notice": OldNotice}
    read = dict.fromkeys(old, 0)
    for line in DESK_GOLDEN.read_bytes().splitlines():
        record = msgspec.json.decode(line)
        if (kind := record["kind"]) not in old:
            continue
        body = msgspec.json.encode(record["body"])
        seen = msgspec.to_builtins(msgspec.json.decode(body, type=old[kind]))
        assert seen == known(record["body"], seen)
        read[kind] += 1
    assert min(read.values()) > 3
