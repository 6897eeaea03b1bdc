"""The alarm book of one lane: level changes become alarm revisions."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alarms.blind_links import RULE as OBSERVABILITY
from alarms.blind_links import SILENT, LinkBook
from alarms.rationalisation import Rationalisation
from alarms.rule_card import ClassCards, RuleCard, approach_of, next_of
from alarms.sentences import LANGUAGES, Told, Wordings, accepted, ended, finding_key
from alarms.wording import clock
from contracts.alarm import (
    Alarm,
    Approach,
    Evidence,
    OwnedBy,
    RespondTo,
    RungBy,
    ShelvingEnd,
    ShelvingRecord,
    State,
    decode_alarm,
    encode_alarm,
    encode_shelving,
)
from contracts.catalogue import Catalogue, Channel
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import OffsetRange, Shelved, Shown, Why
from contracts.quantities import NS_PER_MS, NS_PER_S
from contracts.transition import COLOURS, LINK_SLOT, RINGING, TRANSITION, Colour, Finding

CLEAR: Final = Colour.CLEAR.word
FINDINGS_MAX: Final = 64  # of one rule that are kept ready; kinds of others may name more
Place = tuple[int, int]  # class and slot of a rule
Stands = tuple[State, Evidence]
_FIELDS: Final = tuple(TRANSITION.names or ())


@dataclass(frozen=True, slots=True)
class Desk:
    """What all alarms of a lane share."""

    lifeline: str
    topic: str
    partition: int
    config: str
    zone: timezone


class Open(msgspec.Struct, frozen=True, gc=False):
    """An alarm that has not cleared, and of its last revision what the next one needs.

    The body is kept as it was told: an alarm is thirty objects, and a storm leaves hundreds of
    thousands of alarms open, which the collector would walk and a snapshot encode.
    """

    onset_ns: int
    revision: int
    colour: str
    state: State
    finding: str
    body: bytes

    @property
    def last(self) -> Alarm:
        """Its last revision."""
        return decode_alarm(self.body)


def _held(onset_ns: int, alarm: Alarm) -> Open:
    body = encode_alarm(alarm)
    return Open(onset_ns, alarm.revision, alarm.colour, alarm.state, alarm.rule.finding, body)


class Sheet(NamedTuple):
    """What all alarms of one rule of one class have in common.

    Parameters
    ----------
    rule : str
        First part of what their ids are made of.
    respond : RespondTo
    rung_by : dict of str to RungBy
        By what it found.
    """

    rule: str
    respond: RespondTo
    rung_by: dict[str, RungBy]


def alarm_id(rule: str, subject: str, onset_ns: int) -> str:
    """Id of an alarm: a function of rule, channel or group, and onset, nothing else.

    >>> alarm_id("water.pressure/limit", "water.dma-0417.pressure", 0)
    'a-385ed651a66d075a'
    """
    key = f"{rule}\0{subject}\0{onset_ns}".encode()
    return "a-" + hashlib.blake2b(key, digest_size=8).hexdigest()


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


class AlarmBook:
    """Open alarms of one lane.

    Parameters
    ----------
    desk : Desk
    classes : sequence of ClassCards
    class_of : int, shape (n,)
        Index into `classes` of every channel.
    catalogue : Catalogue
        The lane's channels, in row order.
    """

    def __init__(
        self,
        desk: Desk,
        classes: Sequence[ClassCards],
        class_of: NDArray[Any],
        catalogue: Catalogue,
    ) -> None:
        self._desk = desk
        self._classes = classes
        self._class_of = class_of
        self._catalogue = catalogue
        lane = f"{desk.lifeline}-{desk.partition}"
        self._links = LinkBook(desk.lifeline, lane, desk.config, desk.zone, catalogue)
        self._near: dict[int, Channel] = {}  # whose alarms come next
        self._wordings = Wordings()
        self._sheets: dict[Place, Sheet] = {}  # by class and slot
        self._open: dict[tuple[str, str], Open] = {}  # by (channel or link, rule name)
        self._of_colour: Counter[str] = Counter()  # how many of them

    @property
    def open_alarms(self) -> Sequence[Alarm]:
        """Last revision of every alarm that has not cleared."""
        return [alarm.last for alarm in self._open.values()]

    def foresee(self, rows: NDArray[Any]) -> None:
        """Look up the channels of the level changes that come next, all together."""
        channels = self._catalogue.channels(rows)
        self._near = dict(zip(rows.tolist(), channels, strict=True))

    def emit(self, change: np.void, offsets: OffsetRange, *, shelved: bool = False) -> Message:
        """Revision for one level change; it does not ring while its channel is shelved."""
        # A field of a numpy record costs ten times one of these, and each is asked for often.
        transition = dict(zip(_FIELDS, change.item(), strict=True))
        if transition["rule"] == LINK_SLOT:
            return self._emit_link(transition, offsets)
        row = transition["row"]
        channel = self._near.get(row) or self._catalogue.channel(row)
        place = int(self._class_of[row]), transition["rule"]
        cards = self._classes[place[0]]
        card = cards.cards[place[1]].at_time(transition["time_ns"])
        key = (channel.id, card.name)
        before = self._open.get(key)
        onset_ns = before.onset_ns if before else transition["onset_ns"]
        found, ahead = _finding(card, transition, before), approach_of(cards, card, transition)
        told = Told(card, cards, transition, found, onset_ns, ahead)
        state: State = _standing(shelved=shelved) if transition["now"] else "cleared"
        alarm = self._alarm(place, told, channel, (state, self._evidence(channel.id, offsets)))
        return self._emit(key, onset_ns, alarm)

    def _emit_link(self, transition: Mapping[str, Any], offsets: OffsetRange) -> Message:
        """Revision for a level change of a link, which nobody shelves."""
        link = self._links.name(transition["row"])
        key = (link, OBSERVABILITY)
        before = self._open.get(key)
        onset_ns = before.onset_ns if before else transition["onset_ns"]
        evidence = self._evidence(link, offsets)
        alarm = self._links.alarm(self._id(key, onset_ns), transition, onset_ns, evidence)
        return self._emit(key, onset_ns, alarm)

    def _emit(self, key: tuple[str, str], onset_ns: int, alarm: Alarm) -> Message:
        if before := self._open.get(key):
            alarm = msgspec.structs.replace(alarm, revision=before.revision + 1)
        held = _held(onset_ns, alarm)
        self._take_in(key, held)
        return Message("alarm", alarm.id.encode(), held.body)

    def _id(self, key: tuple[str, str], onset_ns: int) -> str:
        subject, rule = key
        if rule == OBSERVABILITY:
            return alarm_id(f"tocsin/{rule}", self._links.subject(subject), onset_ns)
        row = self._catalogue.row_of[subject]
        return alarm_id(f"{self._catalogue.channel(row).class_name}/{rule}", subject, onset_ns)

    def _alarm(self, place: Place, told: Told, channel: Channel, stands: Stands) -> Alarm:
        """First revision of what is told of a channel."""
        card, transition, zone = told.card, told.transition, self._desk.zone
        sheet = self._sheets.get(place) or self._sheet(place, card, channel.class_name)
        state, evidence = stands
        return Alarm(
            id=alarm_id(sheet.rule, channel.id, told.onset_ns),
            revision=1,
            state=state,
            colour=COLOURS[transition["now"]],
            was=COLOURS[transition["was"]],
            lifeline=self._desk.lifeline,
            channel=channel.id,
            group=channel.group,
            onset=clock(told.onset_ns, zone),
            detected=clock(transition["time_ns"], zone),
            say=self._wordings.sentences(place, told, channel.name),
            observed=_plain(transition["observed"]),
            expected=_plain(transition["expected"]),
            band=self._band(transition),
            unit=told.cards.unit,
            next=next_of(card, transition["now"], transition["observed"]),
            where=channel.where,
            criticality=channel.criticality,
            evidence=[evidence],
            cause=card.duty.cause,
            consequence=card.duty.consequence,
            respond=sheet.respond,
            owner=self._owner(card.duty, transition["time_ns"]),
            rule=self._rung_by(sheet, told),
            asset=channel.asset,
            class_name=channel.class_name,
            life_safety=told.cards.life_safety,
            link=self._links.spoken_by(transition["row"]) if card.name == SILENT else msgspec.UNSET,
            approach=self._approach(told),
        )

    def _approach(self, told: Told) -> Approach | msgspec.UnsetType:
        if (ahead := told.approach) is None:
            return msgspec.UNSET
        time_ns = told.transition["time_ns"] + round(ahead.ahead_s) * NS_PER_S
        word, at = ahead.colour.word, clock(time_ns, self._desk.zone)
        if ahead.limit > told.transition["observed"]:
            return Approach(word, at, above=ahead.limit)
        return Approach(word, at, below=ahead.limit)

    def _take_in(self, key: tuple[str, str], alarm: Open) -> None:
        if alarm.colour == CLEAR:
            self._close(key)
        else:
            self._keep(key, alarm)

    def _keep(self, key: tuple[str, str], alarm: Open) -> None:
        if key in self._open:
            self._of_colour[self._open[key].colour] -= 1
        self._open[key] = alarm
        self._of_colour[alarm.colour] += 1

    def _close(self, key: tuple[str, str]) -> None:
        if key in self._open:
            self._of_colour[self._open.pop(key).colour] -= 1

    def _take(self, state: dict[str, Any]) -> None:
        self._open = _opened(state)
        self._of_colour = Counter(alarm.colour for alarm in self._open.values())

    def _band(self, transition: Mapping[str, Any]) -> list[float] | None:
        low, high = _plain(transition["low"]), _plain(transition["high"])
        return None if low is None or high is None else [low, high]

    def _evidence(self, channel: str, offsets: OffsetRange) -> Evidence:
        return Evidence(
            channel, self._desk.topic, self._desk.partition, offsets.first, offsets.last
        )

    def _owner(self, duty: Rationalisation, time_ns: int) -> OwnedBy:
        by = clock(time_ns + duty.owner.within.ns, self._desk.zone)
        return OwnedBy(duty.owner.level, duty.owner.role, by, duty.owner.then)

    def _sheet(self, place: Place, card: RuleCard, class_name: str) -> Sheet:
        """What all alarms of a rule have in common, put together once."""
        respond = RespondTo(card.duty.respond.procedure, list(card.duty.respond.first))
        sheet = self._sheets[place] = Sheet(f"{class_name}/{card.name}", respond, {})
        return sheet

    def _rung_by(self, sheet: Sheet, told: Told) -> RungBy:
        finding = told.finding.name
        found = sheet.rung_by.get(finding)
        if found is None:
            card, config = told.card, self._desk.config
            found = RungBy(card.name, card.at, card.duty.source, config, finding)
            if len(sheet.rung_by) < FINDINGS_MAX:
                sheet.rung_by[finding] = found
        return found

    def _revise(self, key: tuple[str, str], time_ns: int, **changes: Any) -> Message:
        before = self._open[key]
        alarm = msgspec.structs.replace(
            before.last,
            revision=before.revision + 1,
            was=before.colour,
            detected=clock(time_ns, self._desk.zone),
            **changes,
        )
        held = _held(before.onset_ns, alarm)
        self._keep(key, held)
        return Message("alarm", alarm.id.encode(), held.body)

    def _end(self, key: tuple[str, str], time_ns: int) -> Message:
        """Clear an alarm that this configuration does not ring for."""
        row = self._catalogue.row_of.get(key[0])
        name = dict.fromkeys(LANGUAGES, key[0])
        if row is not None:
            name = self._catalogue.channel(row).name
        rule = self._open[key].last.rule
        said = ended(name, finding_key(rule.name, rule.finding))
        return self._revise(key, time_ns, state="cleared", colour="clear", say=said)

    def shelve(self, row: int, time_ns: int, *, shelved: bool) -> list[Message]:
        """Revisions for the open alarms of a channel that is shelved, or shown again."""
        channel = self._catalogue.ids[row]
        keys = sorted(key for key in self._open if key[0] == channel)
        return [self._revise(key, time_ns, state=_standing(shelved=shelved)) for key in keys]

    def rings(self, row: int) -> bool:
        """Whether any alarm of a channel is open, shelved or not."""
        channel = self._catalogue.ids[row]
        return any(key[0] == channel for key in self._open)

    def record(self, shelved: Shelved, shown: Shown | None = None) -> Message:
        """What the world is told of a shelving when it begins, and when it is over."""
        ended = None
        if shown is not None:
            at_s, how, by, role, reason = shown
            ended = ShelvingEnd(self._at(at_s), how, by, role, reason)
        record = ShelvingRecord(
            channel=shelved.channel,
            lifeline=self._desk.lifeline,
            state="shelved" if ended is None else "shown",
            since=self._at(shelved.since_s),
            until=self._at(shelved.until_s),
            by=shelved.by,
            role=shelved.role,
            reason=shelved.reason,
            command=shelved.command,
            ended=ended,
            once=shelved.once or msgspec.UNSET,
        )
        return Message("shelving", shelved.channel.encode(), encode_shelving(record))

    def _at(self, time_s: int) -> str:
        return clock(time_s * NS_PER_S, self._desk.zone)

    def life_safety(self, row: int) -> bool:
        """Whether a channel's class guards life, so that it is never shelved."""
        return self._cards(row).life_safety

    def accept(self, row: int, time_ns: int, slots: frozenset[int], why: Why) -> list[Message]:
        """Revisions that clear the open alarms of some rules of a channel."""
        channel = self._catalogue.channel(row)
        names = {card.name for slot, card in self._cards(row).cards.items() if slot in slots}
        gone = sorted(key for key in self._open if key[0] == channel.id and key[1] in names)
        said = accepted(channel.name, why.by, why.reason)
        told = [
            self._revise(key, time_ns, state="cleared", colour="clear", say=said) for key in gone
        ]
        for key in gone:
            self._close(key)
        return told

    def colours(self) -> dict[str, int]:
        """Open alarms by colour, every colour named."""
        return {word: self._of_colour[word] for word in RINGING}

    def state(self) -> dict[str, Any]:
        """Open alarms, as plain data for a snapshot."""
        return {
            "open": [
                [*key, held.onset_ns, held.body.decode()]
                for key, held in sorted(self._open.items())
            ]
        }

    def restore(self, state: dict[str, Any], time_ns: int) -> list[Message]:
        """Take over open alarms; revisions for those whose rule or channel is gone."""
        self._take(state)
        gone = [key for key in sorted(self._open) if not self._governed(*key)]
        told = [self._end(key, time_ns) for key in gone]
        for key in gone:
            self._close(key)
        return told

    def take_over(self, state: dict[str, Any], time_ns: int) -> list[Message]:
        """Go on for another book, which the world knows; revisions for what differs here.

        What only this book has open rings as new, from just behind the present: the world may know
        an alarm of its own onset already, and has seen it clear.
        """
        mine = self._open
        self._take(state)
        told = []
        for key in sorted(mine.keys() | self._open.keys()):
            known, own = self._open.get(key), mine.get(key)
            if own is None:
                told.append(self._end(key, time_ns))
                self._close(key)
            elif known is None or _shown(known) != _shown(own):
                self._keep(key, self._joined(key, known, own, time_ns))
                told.append(self._revise(key, time_ns, state=own.state, colour=own.colour))
        return told

    def _joined(self, key: tuple[str, str], known: Open | None, own: Open, time_ns: int) -> Open:
        """An alarm as this book has it, under the id and revision that the world knows."""
        if known is not None:
            names, last = ("id", "revision", "onset", "colour"), known.last
            told = {name: getattr(last, name) for name in names}
            return _held(known.onset_ns, msgspec.structs.replace(own.last, **told))
        onset_ns = time_ns + NS_PER_MS
        last = msgspec.structs.replace(
            own.last,
            id=self._id(key, onset_ns),
            revision=0,
            colour=CLEAR,
            onset=clock(onset_ns, self._desk.zone),
            owner=self._owner_of(key, time_ns),
        )
        return _held(onset_ns, last)

    def _owner_of(self, key: tuple[str, str], time_ns: int) -> OwnedBy:
        if key[1] == OBSERVABILITY:
            return self._links.owner(time_ns)
        cards = self._cards(self._catalogue.row_of[key[0]]).cards.values()
        (card,) = [card for card in cards if card.name == key[1]]
        return self._owner(card.duty, time_ns)

    def _governed(self, channel: str, rule: str) -> bool:
        if rule == OBSERVABILITY:
            return channel in self._links
        row = self._catalogue.row_of.get(channel)
        if row is None:
            return False
        return any(card.name == rule for card in self._cards(row).cards.values())

    def _cards(self, row: int) -> ClassCards:
        return self._classes[int(self._class_of[row])]


def _opened(state: dict[str, Any]) -> dict[tuple[str, str], Open]:
    return {
        (channel, rule): _held(onset_ns, decode_alarm(last.encode()))
        for channel, rule, onset_ns, last in state["open"]
    }


def _finding(card: RuleCard, transition: Mapping[str, Any], before: Open | None) -> Finding:
    """What a level change that rings found; what was found last, where it eases."""
    if transition["now"] > transition["was"] or before is None:
        return card.finding(transition)
    # An alarm that a release before opened names no finding: limits on one side tell it.
    return Finding(before.finding or card.only_side)


def _standing(*, shelved: bool) -> Literal["active", "shelved"]:
    """State of an alarm that has not cleared."""
    return "shelved" if shelved else "active"


def _shown(held: Open) -> tuple[str, str]:
    return held.colour, held.state
