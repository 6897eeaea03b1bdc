"""Whether a command to the desk stage may be given: who gives it, when, in which role, and where.

Whether it can be carried out is the stage's own to say.
"""

from typing import Protocol

import msgspec

from contracts.commands.concern import Concern
from contracts.desk.commands import DeskCommand, decode_desk_command
from contracts.journal import BODY_KEPT, Refuse
from contracts.ports.clock import Clock
from pipeline.worker.authority import Authority
from pipeline.worker.command_grounds import CommandGrounds


class Concerned(Protocol):
    """Whoever knows what a command is about."""

    def concern(self, command: DeskCommand) -> Concern:
        """Its lifelines and its place, as far as they are known."""


class DeskCommandJudge:
    """Judges the commands that come for the desk stage.

    What comes of a command is journalled with it, as for lanes: a replay needs neither the keys of
    those days nor a clock.

    Parameters
    ----------
    authority : Authority
    topic : str
        Where they come: signatures cover it.
    clock : Clock
        The worker's.
    """

    def __init__(self, authority: Authority, topic: str, clock: Clock) -> None:
        self._authority = authority
        self._topic = topic
        self._clock = clock

    def judge(
        self, body: bytes, offset: int, desk: Concerned | None = None
    ) -> DeskCommand | Refuse:
        """The command in a record, or why nobody is asked to carry it out.

        One that came without an id is known by its offset in the topic from here on.

        Parameters
        ----------
        body : bytes
        offset : int
        desk : Concerned or None
            Without one, a role that holds for some places alone may do nothing.
        """
        kept = body[:BODY_KEPT].decode(errors="replace")
        try:
            command = decode_desk_command(body)
        except msgspec.DecodeError as error:
            return Refuse("bad_command", str(error), kept)
        concern = Concern() if desk is None else desk.concern(command)
        grounds = CommandGrounds(self._authority, self._topic, self._clock.now_ms())
        found = (
            grounds.unproven(command)
            or grounds.untimely(command)
            or grounds.forbidden(command, concern)
        )
        if found is not None:
            return Refuse(*found, kept)
        if command.id:
            return command
        named: DeskCommand = msgspec.structs.replace(command, id=f"offset-{offset}")
        return named
