"""`tocsin alarms`: what people tell the desk stage, sent, signed and answered."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec

from configuration.signing import as_sent
from contracts.civil_time import moment_ms
from contracts.desk.commands import (
    Acknowledge,
    Advance,
    Assign,
    Close,
    Comment,
    Confirm,
    DeskCommand,
    DeskCommandBase,
    Drill,
    Judge,
    Maintenance,
    Move,
    Report,
    Reset,
)
from contracts.errors import ConfigError
from ingest.work_orders import read_work_orders
from operate import command as lanes
from operate.command_desk import DESK, desk_answers, reading, unheeded
from operate.settings import settled

DISPATCHED: Final = "dispatched"


async def desk_command(arguments: argparse.Namespace) -> int:
    """Send a command, or every one of a file, and say what became of it; a line each."""
    if arguments.act in ("shelve", "unshelve"):
        arguments.command = arguments.act
        return await lanes.command(arguments)
    wanted = _wanted(arguments)
    configuration = settled(arguments)
    told = [
        as_sent(command, configuration.settings, DESK, key=arguments.key, role=arguments.role)
        for command in wanted
    ]
    async with reading(configuration) as reader:
        answers = await desk_answers(configuration, told, reader)
    if len(answers) > 1:
        names = [f"{one.order}: " for one in told if isinstance(one, Maintenance)]
        answers = [name + line for name, line in zip(names, answers, strict=True)]
    sys.stdout.write("".join(f"{line}\n" for line in answers))
    return 1 if unheeded(answers) else 0


def _wanted(arguments: argparse.Namespace) -> list[DeskCommandBase]:
    """Commands as they were typed, held against the bounds of their fields."""
    if arguments.act == "maintenance":
        return list(_maintenance(arguments))
    kind, fields = _ACTS[arguments.act]
    command = kind(by=arguments.by, reason=arguments.reason or "", **fields(arguments))
    return [_bounded(command)]


def _bounded(command: DeskCommandBase) -> DeskCommandBase:
    try:
        msgspec.convert(msgspec.to_builtins(command), DeskCommand)
    except msgspec.ValidationError as error:
        msg = f"tocsin alarms: {error}; correct it"
        raise ConfigError(msg) from error
    return command


def _maintenance(arguments: argparse.Namespace) -> list[Maintenance]:
    """One order from its options, or those of a file."""
    if arguments.csv is not None:
        orders = read_work_orders(arguments.csv, arguments.by)
        return [msgspec.structs.replace(order, area=arguments.area) for order in orders]
    needed = ("order", "assets", "begins", "ends", "reason")
    if missing := [name for name in needed if not getattr(arguments, name)]:
        names = " and ".join(f"--{name}" for name in missing)
        msg = f"maintenance: expected --csv FILE, or {names}; name them"
        raise ConfigError(msg)
    command = Maintenance(
        by=arguments.by,
        reason=arguments.reason,
        order=arguments.order,
        assets=arguments.assets,
        begins=moment_ms("--begins", arguments.begins),
        ends=moment_ms("--ends", arguments.ends),
        area=arguments.area,
    )
    _bounded(command)
    return [command]


def _target(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"target": arguments.target}


def _assign(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"target": arguments.target, "owner": arguments.owner, "joint": arguments.joint}


def _advance(arguments: argparse.Namespace) -> dict[str, Any]:
    until = moment_ms("--until", arguments.until) if arguments.until else 0
    return {"target": arguments.target, "to": arguments.state, "until": until}


def _dispatch(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"target": arguments.target, "to": DISPATCHED}


def _verdict(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"target": arguments.target, "verdict": arguments.verdict}


def _move(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"target": arguments.target, "to": arguments.to}


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("asset", "colour", "lifeline", "target")
    return {name: getattr(arguments, name) for name in names}


def _drill(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"on": arguments.state == "on"}


Fields = Callable[[argparse.Namespace], dict[str, Any]]
_ACTS: Final[dict[str, tuple[type[DeskCommandBase], Fields]]] = {
    "ack": (Acknowledge, _target),
    "confirm": (Confirm, _target),
    "reset": (Reset, _target),
    "comment": (Comment, _target),
    "assign": (Assign, _assign),
    "advance": (Advance, _advance),
    "dispatch": (Advance, _dispatch),
    "close": (Close, _verdict),
    "verdict": (Judge, _verdict),
    "move": (Move, _move),
    "report": (Report, _report),
    "drill": (Drill, _drill),
}
