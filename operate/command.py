"""`tocsin shelve`, `unshelve`, `accept`: a command to the lane of one channel."""

import argparse
import sys

from configuration.configuration import Configuration
from configuration.signing import as_sent
from contracts.errors import ConfigError
from contracts.journal import Accept, Command, Shelve, Unshelve
from contracts.quantities import NS_PER_S, Duration
from operate.command_desk import command_desk, unheeded
from operate.settings import settled


async def command(arguments: argparse.Namespace) -> int:
    """Send a command to a channel's lane, and say what became of it."""
    wanted = _wanted(arguments)
    configuration = settled(arguments)
    lifeline, row = _place(configuration, arguments.channel)
    told = as_sent(wanted, configuration.settings, lifeline, key=arguments.key, role=arguments.role)
    async with command_desk(configuration, lifeline) as desk:
        answers = await desk.answers(told, [int(desk.plan.lane_of[row])])
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
    return Shelve(*who, length.ns // NS_PER_S, arguments.once)


def _place(configuration: Configuration, channel: str) -> tuple[str, int]:
    """Lifeline of a channel, and its row in the catalogue."""
    for lifeline, catalogue in configuration.catalogues.items():
        if (row := catalogue.row_of.get(channel)) is not None:
            return lifeline, row
    msg = f"expected a channel of the catalogue, got {channel!r}; correct the name"
    raise ConfigError(msg)
