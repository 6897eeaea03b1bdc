"""`tocsin shelve`, `unshelve`, `accept`: a command to the lane of one channel."""

import argparse
import sys

from app.operate.command_desk import command_desk, unheeded
from app.operate.sign import dated, signer
from app.process.settings import settled
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.errors import ConfigError
from contracts.journal import Accept, Command, Shelve, Unshelve
from contracts.ports.clock import WallClock
from contracts.quantities import NS_PER_S, Duration
from contracts.topics import TopicNames


async def command(arguments: argparse.Namespace) -> int:
    """Send a command to a channel's lane, and say what became of it."""
    wanted = _wanted(arguments)
    configuration = settled(arguments)
    lifeline, number = _home(configuration, arguments.channel)
    rules = configuration.settings.commands
    told = dated(wanted, rules, WallClock().now_ms())
    if arguments.key is not None:
        topic = TopicNames(configuration.settings.app).commands(lifeline)
        told = signer(arguments.key, arguments.role, rules).signed(told, topic)
    async with command_desk(configuration, lifeline) as desk:
        answers = await desk.order(told, [number])
    sys.stdout.write("".join(f"{line}\n" for line in answers))
    return 1 if unheeded(answers) else 0


def _wanted(arguments: argparse.Namespace) -> Command:
    who = (arguments.channel, arguments.by, arguments.reason)
    if arguments.command == "unshelve":
        return Unshelve(*who)
    if arguments.command == "accept":
        return Accept(*who)
    try:
        length = Duration(arguments.length)
    except ValueError:
        length = Duration("0 s")
    if length.periods or length.ns < NS_PER_S:
        got = repr(arguments.length)
        msg = f"--for: expected a time of at least 1 s, such as '2 h', got {got}; correct it"
        raise ConfigError(msg)
    return Shelve(*who, length.ns // NS_PER_S)


def _home(configuration: Configuration, channel: str) -> tuple[str, int]:
    """Lifeline and lane of a channel."""
    for lifeline, catalogue in configuration.catalogues.items():
        if (row := catalogue.row_of.get(channel)) is not None:
            return lifeline, int(plan_of(configuration, lifeline).lane_of[row])
    msg = f"expected a channel of the catalogue, got {channel!r}; correct the name"
    raise ConfigError(msg)
