"""Whether a command is carried out: who gives it, when, and whether the lane can.

What comes of a command is journalled with it, so a replay repeats the verdict and neither needs the
keys of those days nor a clock.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

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
from pipeline.lane.lane import Lane
from pipeline.lane.recent_commands import HELD_MAX, SKEW_MS
from pipeline.worker.authority import Authority, Role
from pipeline.worker.shadow_commands import unfit

SIGNED: Final = ("id", "at", "expires", "role", "key", "signature")
# Reason as a machine word and for people; nothing when there is none to refuse.
Ground = tuple[str, str] | None


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
        for ground in (
            self._unproven,
            self._untimely,
            self._unbounded,
            self._forbidden,
            self._impossible,
        ):
            if (found := ground(command)) is not None:
                return Refuse(*found, kept)
        if command.id:
            return command
        named: Command = msgspec.structs.replace(command, id=f"offset-{offset}")
        return named

    def _unproven(self, command: Command) -> Ground:
        """Whether nobody vouches for it who is known."""
        if not self.authority.signed:
            return None
        missing = [name for name in SIGNED if not getattr(command, name)]
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            text = f"expected a signed command, got none of {names}; send it with `--key FILE`"
            return "unsigned_command", text
        if not self.authority.vouches(command, self.lane.name.commands):
            text = (
                f"expected a signature by the key {command.key!r} of `commands.keys` for "
                f"{self.lane.name.commands}, got another; sign it anew or add the key"
            )
            return "bad_signature", text
        return None

    def _untimely(self, command: Command) -> Ground:
        """Whether it came before, or comes too late or too early."""
        if not command.id:
            return None
        now_ms = max(self.now_ms, self.lane.recent.floor_ms)
        if command.id in self.lane.recent:
            return "duplicate_command", f"expected a new id, got {command.id!r} again"
        if command.expires <= now_ms:
            late = (now_ms - command.expires) / 1000
            text = f"expected a command that is still good, got one {late:.0f} s after it expired"
            return "expired_command", f"{text}; give it anew if it is still wanted"
        if command.at > now_ms + SKEW_MS:
            early = (command.at - now_ms) / 1000
            text = f"expected `at` to be past, got a time {early:.0f} s ahead"
            return "early_command", f"{text}; set the sender's clock"
        return None

    def _unbounded(self, command: Command) -> Ground:
        """Whether its id would have to be kept for too long, or beside too many others."""
        if not command.id:
            return None
        most_ms = self.authority.valid_ms_max
        if not 0 < command.expires - command.at <= most_ms:
            text = f"expected `expires` at most {most_ms} ms after `at`"
            return "bad_command", f"{text}, got {command.expires - command.at} ms; expire sooner"
        if self.lane.recent.full(command.at):
            text = f"expected at most {HELD_MAX} commands that have not expired, got more"
            return "too_many_commands", f"{text}; wait until some have expired"
        return None

    def _forbidden(self, command: Command) -> Ground:
        """Whether the role that it is given in may not do this, here, or by this key."""
        if not self.authority.signed:
            return None
        role = self.authority.roles.get(command.role)
        if role is None:
            text = f"expected a role of `commands.roles`, got {command.role!r}"
        elif command.key not in role.keys:
            text = f"expected a key of the role {command.role!r}, got {command.key!r}"
        elif (kind := str(command.__struct_config__.tag)) not in role.may:
            text = f"expected a role that may {kind}, got {command.role!r}"
        elif role.lifelines and self.lane.name.lifeline not in role.lifelines:
            text = f"expected a role for {self.lane.name.lifeline}, got {command.role!r}"
        elif role.areas and not self._within(command, role):
            text = f"expected a role for all that it concerns, got {command.role!r}"
        else:
            return None
        return "not_permitted", f"{text}; see `commands` in the settings"

    def _within(self, command: Command, role: Role) -> bool:
        """Whether a command concerns the role's areas alone; a shadow concerns whole lanes."""
        if isinstance(command, Shadow | Promote | Rollback):
            return False
        catalogue = self.lane.parts.catalogue
        row = catalogue.row_of.get(command.channel)
        if row is None:
            return False
        where = catalogue.channel(row).where
        names = {where.district, where.street, where.neighbourhood, where.grid}
        return not role.areas.isdisjoint(names)

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
