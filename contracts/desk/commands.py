"""What people tell the desk stage. What changes detection is told to lanes instead."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from contracts.journal import CommandBase, EpochMs, decode_bounded

Target = Annotated[str, Meta(pattern=r"^[ai]-[0-9a-f]{16}$")]  # an alarm's or an incident's id
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Words = Annotated[str, Meta(max_length=2048)]
Verdict = Literal["true", "false", "test", "maintenance", "duplicate", "unknown"]
LISTED_MAX: Final = 1_000


class DeskCommandBase(CommandBase, frozen=True, kw_only=True):
    """What all of them say.

    Parameters
    ----------
    by : str
        Who.
    reason : str
        Why, or a remark.
    """

    by: Name
    reason: Words = ""


class Acknowledge(DeskCommandBase, frozen=True, kw_only=True, tag="acknowledge"):
    """I have seen it; an incident's id answers for all its alarms."""

    target: Target


class Confirm(DeskCommandBase, frozen=True, kw_only=True, tag="confirm"):
    """It is dealt with (OPC UA part 9); only what is acknowledged can be confirmed."""

    target: Target


class Reset(DeskCommandBase, frozen=True, kw_only=True, tag="reset"):
    """Let go of what is latched although its condition is over."""

    target: Target


class Comment(DeskCommandBase, frozen=True, kw_only=True, tag="comment"):
    """A remark for the history."""

    target: Target


class Assign(DeskCommandBase, frozen=True, kw_only=True, tag="assign"):
    """Whose it is now, and who else works on it; by desk or by name."""

    target: Target
    owner: Name
    joint: Annotated[list[Name], Meta(max_length=20)] = msgspec.field(default_factory=list)


class Advance(DeskCommandBase, frozen=True, kw_only=True, tag="advance"):
    """Move a ticket to another of its states: `dispatched`, `on site`, `parked`."""

    target: Target
    to: Annotated[str, Meta(min_length=1, max_length=64)]
    until: EpochMs = 0  # for states that end by time: parked, extended


class Close(DeskCommandBase, frozen=True, kw_only=True, tag="close"):
    """End a ticket with a verdict."""

    target: Target
    verdict: Verdict


class Judge(DeskCommandBase, frozen=True, kw_only=True, tag="verdict"):
    """A verdict on an alarm or an incident, whatever its state: a label for tuning."""

    target: Target
    verdict: Verdict


class Move(DeskCommandBase, frozen=True, kw_only=True, tag="move"):
    """Put an alarm into another incident, or with an empty `to` into one of its own."""

    target: Target
    to: Annotated[str, Meta(pattern=r"^(i-[0-9a-f]{16})?$")] = ""


class Report(DeskCommandBase, frozen=True, kw_only=True, tag="report"):
    """What a person found: evidence for `target`, or without one an alarm of its own."""

    asset: Name
    colour: Literal["blue", "yellow", "orange", "red"]
    lifeline: Name
    target: Annotated[str, Meta(pattern=r"^([ai]-[0-9a-f]{16})?$")] = ""


class Maintenance(DeskCommandBase, frozen=True, kw_only=True, tag="maintenance"):
    """A work order: what these assets ring from `begins` to `ends` is told to nobody.

    Assets are named with their lifeline: `water.dma-0417`. What lives hang on is told all the same.
    With `ends` not after `begins` the order is withdrawn. With `area` it covers what lies there
    alone: a district, street, neighbourhood or grid cell. Roles for areas must name one of theirs.
    """

    order: Name
    assets: Annotated[list[Name], Meta(min_length=1, max_length=LISTED_MAX)]
    begins: EpochMs
    ends: EpochMs
    area: Annotated[str, Meta(max_length=64)] = ""


class Drill(DeskCommandBase, frozen=True, kw_only=True, tag="drill"):
    """Begin or end a drill: every record of it says so."""

    on: bool


DeskCommand = (
    Acknowledge | Confirm | Reset | Comment | Assign | Advance | Close | Judge | Move | Report
    | Maintenance | Drill
)  # fmt: skip

_COMMAND: Final = msgspec.json.Decoder(DeskCommand)


def decode_desk_command(body: bytes) -> DeskCommand:
    """Command to the desk stage from JSON, within the bounds of its fields.

    Raises
    ------
    msgspec.DecodeError
        For anything else, whatever the bytes are; says in at most `DETAIL_BYTES` what is wrong.

    Examples
    --------
    >>> decode_desk_command(b'{"kind": "drill", "by": "li.wei", "on": true}')
    Drill(by='li.wei', on=True)
    """
    command: DeskCommand = decode_bounded(_COMMAND, body)
    return command
