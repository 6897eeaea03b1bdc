"""Commands: read within bounds or refused; what a signature covers is the same however written."""

import json
from collections.abc import Callable, Mapping

import msgspec

from contracts.desk.commands import Assign, DeskCommandBase, Maintenance, decode_desk_command
from contracts.journal import (
    COMMAND_BYTES,
    Command,
    CommandBase,
    Promote,
    Shelve,
    Unshelve,
    decode_command,
    signed_bytes,
)

TOPIC = "tocsin.commands.water"


def seeds() -> Mapping[str, bytes]:
    """A command of each shape, to lanes and to the desk stage."""
    incident = "i-0123456789abcdef"
    made: dict[str, CommandBase] = {
        "plain": Unshelve("a", "li.wei", "done"),
        "signed": Shelve(
            "a", "李伟", "w", 60, id="x", at=1, expires=2, role="r", key="k", signature="c2ln"
        ),
        "promote": Promote("0123456789abcdef", "li.wei", "quieter"),
        "assign": Assign(by="李伟", target=incident, owner="water", joint=["a", "b"]),
        "maintenance": Maintenance(by="x", order="w", assets=["water.a"], begins=1, ends=2, id=""),
    }
    return {name: msgspec.json.encode(command) for name, command in made.items()}


def check(data: bytes) -> None:
    """Decode a command to lanes or to the desk stage, and write it again in other ways."""
    for decode in (decode_command, decode_desk_command):
        _check(data, decode)


def _check(data: bytes, decode: Callable[[bytes], Command | DeskCommandBase]) -> None:
    try:
        command = decode(data)
    except msgspec.DecodeError:
        return
    assert len(data) <= COMMAND_BYTES
    assert command.by.strip()
    signed = signed_bytes(command, TOPIC)
    fields = dict(reversed(msgspec.to_builtins(command).items()))
    for ascii_only in (True, False):
        again = decode(json.dumps(fields, indent=1, ensure_ascii=ascii_only).encode())
        assert signed_bytes(again, TOPIC) == signed
