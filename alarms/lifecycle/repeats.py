"""How often each rule of each channel rings: chattering and fleeting alarms are told apart."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from alarms.copies.records import Records, copies_of
from contracts.ports.desk import SlicedCopy
from contracts.quantities import NS_PER_S, Duration

# Channels and rules whose latest activations are remembered; one takes some 400 bytes. Whoever has
# been quiet for longest is forgotten, and begins to count anew.
REMEMBERED_MAX: Final = 200_000

Subject = tuple[str, str]  # channel and rule


class RepeatRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What chattering and fleeting mean.

    Parameters
    ----------
    chattering_times : int
        Activations of one rule on one channel that are chattering,
    chattering_within : Duration
        if they come within so long.
    fleeting_within : Duration
        An alarm is fleeting if it is over so soon, before anybody answered.

    References
    ----------
    ISA-18.2-2016 and EEMUA 191: chattering is three or more activations in a minute.
    """

    chattering_times: Annotated[int, Meta(ge=2, le=100)] = 3
    chattering_within: Duration = Duration("60 s")
    fleeting_within: Duration = Duration("30 s")


class _Activations(msgspec.Struct, array_like=True):
    """Alarm that a rule of a channel rang last, how often it rang, and when lately."""

    alarm: str
    revision: int
    count: int
    times_s: list[int]


class Repeats:
    """Activations by channel and rule.

    Parameters
    ----------
    rules : RepeatRules

    Attributes
    ----------
    chattering, fleeting : int
        How many activations were so.
    """

    def __init__(self, rules: RepeatRules) -> None:
        self._times_max = rules.chattering_times
        self._within_s = rules.chattering_within.ns // NS_PER_S
        self._fleeting_s = rules.fleeting_within.ns // NS_PER_S
        self._of: Records[Subject, _Activations] = Records()  # the quietest first
        self.chattering = 0
        self.fleeting = 0

    def revision(self, subject: Subject, alarm: str) -> int:
        """Newest revision of an alarm, 0 when it is not the newest alarm of its subject."""
        known = self._of.get(subject)
        return known.revision if known is not None and known.alarm == alarm else 0

    def note(self, subject: Subject, alarm: str, revision: int) -> None:
        """Remember a revision of the newest alarm of a subject."""
        if (known := self._of.get(subject)) is not None:
            known.alarm, known.revision = alarm, revision

    def activated(self, subject: Subject, time_s: int) -> tuple[int, bool]:
        """Count an activation; how many there were, and whether the rule chatters."""
        known = self._of.pop(subject, None) or _Activations("", 0, 0, [])
        self._of[subject] = known
        if len(self._of) > REMEMBERED_MAX:
            del self._of[next(iter(self._of))]
        known.count += 1
        known.times_s = [*known.times_s[1 - self._times_max :], time_s]
        full = len(known.times_s) == self._times_max
        chatters = full and time_s - known.times_s[0] <= self._within_s
        self.chattering += chatters
        return known.count, chatters

    def is_fleeting(self, raised_s: int, over_s: int) -> bool:
        """Whether an alarm that nobody answered was over too soon; counted."""
        fleeting = over_s - raised_s <= self._fleeting_s
        self.fleeting += fleeting
        return fleeting

    def state(self) -> dict[str, Any]:
        """As plain data, the quietest first."""
        known = [[*subject, msgspec.to_builtins(one)] for subject, one in self._of.items()]
        return {"known": known, "chattering": self.chattering, "fleeting": self.fleeting}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        known = self._of.copying(lambda copies: [[*key, one] for key, one in copies.items()])
        return copies_of({"known": known}, chattering=self.chattering, fleeting=self.fleeting)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._of = Records()
        for channel, rule, one in state["known"]:
            self._of[channel, rule] = msgspec.convert(one, _Activations)
        self.chattering, self.fleeting = state["chattering"], state["fleeting"]
