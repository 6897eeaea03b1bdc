"""Commands: read within bounds or refused; what a signature covers is the same however written."""

import json
from collections.abc import Mapping

import msgspec

from contracts.journal import COMMAND_BYTES, Promote, Shelve, Unshelve, decode_command, signed_bytes

TOPIC = "tocsin.commands.water"


def seeds() -> Mapping[str, bytes]:
    """A command of each shape."""
    made = {
        "plain": Unshelve("a", "li.wei", "done"),
        "signed": Shelve(
            "a", "李伟", "w", 60, id="x", at=1, expires=2, role="r", key="k", signature="c2ln"
        ),
        "promote": Promote("0123456789abcdef", "li.wei", "quieter"),
    }
    return {name: msgspec.json.encode(command) for name, command in made.items()}


def check(data: bytes) -> None:
    """Decode a command, and write it again in other ways."""
    try:
        command = decode_command(data)
    except msgspec.DecodeError:
        return
    assert len(data) <= COMMAND_BYTES
    assert command.by.strip()
    signed = signed_bytes(command, TOPIC)
    fields = dict(reversed(msgspec.to_builtins(command).items()))
    for ascii_only in (True, False):
        again = decode_command(json.dumps(fields, indent=1, ensure_ascii=ascii_only).encode())
        assert signed_bytes(again, TOPIC) == signed
