"""Why a command is refused before anybody asks what it would do: who gives it, when, and where."""

from dataclasses import dataclass
from typing import Final

from contracts.commands.concern import Concern
from contracts.commands.recent import SKEW_MS
from contracts.journal import CommandBase
from contracts.ports.desk import Ground
from pipeline.worker.authority import Authority

SIGNED: Final = ("id", "at", "expires", "role", "key", "signature")


@dataclass(frozen=True, slots=True)
class CommandGrounds:
    """Holds commands that come by one topic at one moment against what holds for all of them.

    Parameters
    ----------
    authority : Authority
    topic : str
    now_ms : int
        The worker's clock.
    """

    authority: Authority
    topic: str
    now_ms: int

    def unproven(self, command: CommandBase) -> Ground:
        """Whether nobody vouches for it who is known."""
        if not self.authority.signed:
            return None
        missing = [name for name in SIGNED if not getattr(command, name)]
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            text = f"expected a signed command, got none of {names}; send it with `--key FILE`"
            return "unsigned_command", text
        if not self.authority.vouches(command, self.topic):
            text = (
                f"expected a signature by the key {command.key!r} of `commands.keys` for "
                f"{self.topic}, got another; sign it anew or add the key"
            )
            return "bad_signature", text
        return None

    def untimely(self, command: CommandBase) -> Ground:
        """Whether it comes too late or too early, or could come again for too long."""
        if not command.id:
            return None
        if command.expires <= self.now_ms:
            late = (self.now_ms - command.expires) / 1000
            text = f"expected a command that is still good, got one {late:.0f} s after it expired"
            return "expired_command", f"{text}; give it anew if it is still wanted"
        if command.at > self.now_ms + SKEW_MS:
            early = (command.at - self.now_ms) / 1000
            text = f"expected `at` to be past, got a time {early:.0f} s ahead"
            return "early_command", f"{text}; set the sender's clock"
        most_ms = self.authority.valid_ms_max
        if not 0 < command.expires - command.at <= most_ms:
            text = f"expected `expires` at most {most_ms} ms after `at`"
            return "bad_command", f"{text}, got {command.expires - command.at} ms; expire sooner"
        return None

    def forbidden(self, command: CommandBase, concern: Concern) -> Ground:
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
        elif role.lifelines and role.lifelines.isdisjoint(concern.lifelines):
            names = " or ".join(sorted(concern.lifelines)) or "all lifelines"
            text = f"expected a role for {names}, got {command.role!r}"
        elif role.areas and role.areas.isdisjoint(concern.areas):
            text = f"expected a role for all that it concerns, got {command.role!r}"
        else:
            return None
        return "not_permitted", f"{text}; see `commands` in the settings"
