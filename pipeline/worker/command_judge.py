"""Whether a command is carried out: who gives it, when, and whether the lane can.

What comes of a command is journalled with it, so a replay repeats the verdict and neither needs the
keys of those days nor a clock.
"""

from dataclasses import dataclass

import msgspec

from contracts.commands.concern import Concern
from contracts.journal import (
    BODY_KEPT,
    Command,
    Promote,
    Refuse,
    Rollback,
    Shadow,
    Shelve,
    decode_command,
)
from contracts.ports.desk import Ground
from pipeline.lane.lane import Lane
from pipeline.worker.authority import Authority
from pipeline.worker.command_grounds import CommandGrounds
from pipeline.worker.shadow_commands import unfit


@dataclass(frozen=True, slots=True)
class CommandJudge:
    """Judges the commands that come for a lane at one moment.

    Parameters
    ----------
    lane : Lane
    authority : Authority
    now_ms : int
        The worker's clock.
    """

    lane: Lane
    authority: Authority
    now_ms: int

    def judge(self, body: bytes, offset: int) -> Command | Refuse:
        """The command in a record, or why it is not carried out.

        One that came without an id is known by its offset in the topic from here on.
        """
        kept = body[:BODY_KEPT].decode(errors="replace")
        try:
            command = decode_command(body)
        except msgspec.DecodeError as error:
            return Refuse("bad_command", str(error), kept)
        topic = self.lane.name.commands
        now_ms = max(self.now_ms, self.lane.recent.floor_ms)
        grounds = CommandGrounds(self.authority, topic, now_ms)
        found = (
            grounds.unproven(command)
            or self.lane.recent.repeated(command)
            or grounds.untimely(command)
            or grounds.forbidden(command, self._concern(command))
            or self._impossible(command)
        )
        if found is not None:
            return Refuse(*found, kept)
        if command.id:
            return command
        named: Command = msgspec.structs.replace(command, id=f"offset-{offset}")
        return named

    def _concern(self, command: Command) -> Concern:
        """What a command concerns; about shadows whole lanes."""
        lifelines = frozenset({self.lane.name.lifeline})
        if isinstance(command, Shadow | Promote | Rollback):
            return Concern(lifelines)
        catalogue = self.lane.parts.catalogue
        row = catalogue.row_of.get(command.channel)
        if row is None:
            return Concern(lifelines)
        where = catalogue.channel(row).where
        areas = {where.district, where.street, where.neighbourhood, where.grid}
        return Concern(lifelines, frozenset(areas))

    def _impossible(self, command: Command) -> Ground:
        """Whether the lane cannot, or must never, do it."""
        lane = self.lane
        if isinstance(command, Shadow | Promote | Rollback):
            why = unfit(lane, command)
            return ("bad_shadow", why) if why else None
        row = lane.parts.catalogue.row_of.get(command.channel)
        if row is None:
            text = f"expected a channel of lane {lane.name}, got {command.channel!r}"
            return "unknown_channel", text
        if not isinstance(command, Shelve):
            return None
        if lane.parts.book.life_safety(row):
            text = f"expected a channel that lives do not depend on, got {command.channel!r}"
            return "life_safety", f"{text}; its class is never shelved"
        most_s = self.authority.shelve_s_max
        if command.seconds > most_s:
            text = f"expected a shelving of at most {most_s} s, got {command.seconds} s"
            return "shelving_too_long", f"{text}; shelve it for less"
        return None
