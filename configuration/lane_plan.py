"""Where the rooms meet: a configuration becomes the parts of a lane."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timezone
from functools import cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alarms.book import AlarmBook, Desk
from alarms.desk_stopped import desk_stopped_notice
from alarms.lane_stopped import StoppedLane, lane_stopped_alarm
from alarms.rule_card import NO_THRESHOLDS, ClassCards, RuleCard, Thresholds
from configuration.canary import canary_catalogue, canary_pack
from configuration.catalogue.store import lanes_of
from configuration.configuration import Configuration, Encoded
from configuration.pack import RULES, ClassPack, LimitRule, lengths_of
from configuration.rule_kinds import finding_of, kinds, rate_of, slots
from contracts.catalogue import Catalogue
from contracts.civil_time import DAY_TYPES, day_type
from contracts.errors import ConfigError, TocsinError
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Parts
from contracts.topics import TopicNames
from detectors.base.findings import by_sides
from detectors.base.kind import Roster
from detectors.base.row_rule import VALUE
from detectors.base.thresholds import COLOURS, Steps
from detectors.channel import invalid, silence
from detectors.channel.invalid import LivenessWatch
from detectors.channel.links import NO_LINKS, Links, LinkWatch
from detectors.channel.silence import SilenceWatch
from detectors.fused import parameters
from detectors.fused.limit import Limit
from detectors.fused.scorer import ChannelRules
from detectors.lane_scorer import LaneScorer
from ingest.admit import Admission
from ingest.decode import DecodeLimits, Decoder
from pipeline.lane.canary import canary_channel

LIFELINE_OF_CLASS: Final = "."


@dataclass(frozen=True)
class Plan:
    """One lifeline under one configuration.

    Parameters
    ----------
    configuration : Configuration
    lifeline : str
    topics : TopicNames
    limits : DecodeLimits
    """

    configuration: Configuration
    lifeline: str
    topics: TopicNames
    limits: DecodeLimits

    @property
    def partitions(self) -> int:
        """Lanes of the lifeline."""
        return self.configuration.partitions[self.lifeline]

    def name(self, lane: int) -> LaneName:
        """Name of one lane."""
        topics = self.topics
        return LaneName(
            self.lifeline, lane, topics.telemetry(self.lifeline), topics.commands(self.lifeline)
        )

    @cached_property
    def packs(self) -> dict[str, ClassPack]:
        """Classes of the lifeline, and their variants, by label, sorted."""
        packs = self.configuration.packs
        return {label: packs[label] for label in sorted(packs) if self._owns(label)}

    def _owns(self, class_name: str) -> bool:
        return class_name.split(LIFELINE_OF_CLASS, 1)[0] == self.lifeline

    @property
    def catalogue(self) -> Catalogue:
        """Channels of the lifeline, lane by lane."""
        return self.configuration.catalogues[self.lifeline]

    @property
    def lane_of(self) -> NDArray[np.int32]:
        """Home lane of every channel of the lifeline."""
        return lanes_of(self.catalogue, self.partitions)

    @cached_property
    def _begins(self) -> list[int]:
        """First row of every lane, and the end."""
        begins = np.searchsorted(self.lane_of, np.arange(self.partitions + 1))
        return [int(begin) for begin in begins]

    def home_of(self, channel: str) -> int | None:
        """Lane that owns a channel, None when the lifeline has no such channel."""
        row = self.catalogue.row_of.get(channel)
        return None if row is None else int(np.searchsorted(self._begins, row, "right")) - 1

    def parts(self, lane: int) -> Parts:
        """Everything this configuration makes of one lane."""
        rows = self.catalogue.part(self._begins[lane], self._begins[lane + 1])
        return replace(self.parts_of(rows, lane), canary=partial(self._canary, lane))

    def _canary(self, lane: int) -> Parts:
        """The same of a lane whose only channel is its canary."""
        pack = canary_pack(self.lifeline)
        rows = canary_catalogue(canary_channel(self.lifeline, lane), pack.class_name)
        alone = replace(
            self.configuration,
            packs={pack.label: pack},
            catalogues={self.lifeline: rows},
            encoded=Encoded(),
        )
        return replace(self, configuration=alone).parts_of(rows, lane)

    def parts_of(self, rows: Catalogue, lane: int) -> Parts:
        """What becomes of a lane with these channels."""
        packs = list(self.packs.values())
        place = {label: i for i, label in enumerate(self.packs)}
        labels, label_of = self.configuration.labels(rows)
        class_of = np.array([place[label] for label in labels], np.int32)[label_of]
        name = self.name(lane)
        configuration = self.configuration
        zone = configuration.civil_time
        desk = Desk(self.lifeline, name.telemetry, lane, configuration.hash[:7], zone)
        cards = [class_cards(pack) for pack in packs]
        return Parts(
            config=self.configuration.hash,
            catalogue=rows,
            decoder=self._decoder(rows),
            admission=Admission(
                [pack.plausible for pack in packs], class_of, self.catalogue.row_of
            ),
            scorer=self._rules(rows, class_of),
            silence=_liveness(packs, class_of, rows),
            book=AlarmBook(desk, cards, class_of, rows),
            home_of=self.home_of,
        )

    def _decoder(self, rows: Catalogue) -> Decoder:
        ids = rows.table.column("id")
        whole = ids.chunk(0) if ids.num_chunks == 1 else ids.combine_chunks()
        return Decoder(whole, _unit(rows, "scale"), _unit(rows, "offset"), self.limits)

    def _rules(self, rows: Catalogue, class_of: NDArray[np.int32]) -> LaneScorer:
        """Every rule that scores readings."""
        packs = list(self.packs.values())
        cheap = [
            parameters.FusedRules(pack.limit, pack.unusual, pack.frozen, pack.unit)
            for pack in packs
        ]
        given = {}
        for name, (slot, kind) in kinds().items():
            found = {pack.label: pack.rule(name) for pack in packs}
            rules = {label: rule for label, rule in found.items() if rule is not None}
            if rules:
                given[slot] = (kind, rules)
        learned = {slot for slot, (kind, _) in given.items() if kind.learns}
        others = {}
        if given:
            roster = self._roster(rows, class_of.astype(np.int64))
            others = {i: kind.build(i, rules, roster) for i, (kind, rules) in given.items()}
        learned |= {parameters.UNUSUAL_SLOT}
        names = {slot: kind.name for slot, (kind, _) in given.items()}
        return LaneScorer(ChannelRules(cheap, class_of), others, frozenset(learned), names)

    def _roster(self, rows: Catalogue, class_of: NDArray[np.int64]) -> Roster:
        """Channels as kinds of rules see them."""
        packs = list(self.packs.values())
        return Roster(
            tuple(self.packs),
            tuple(pack.class_name for pack in packs),
            class_of,
            rows.numbers("group"),
            tuple(pack.period.ns for pack in packs),
            np.column_stack([rows.column("lon"), rows.column("lat")]),
            slots(),
            {pack.class_name: pack.unit for pack in packs},
        )


def _liveness(
    packs: Sequence[ClassPack], class_of: NDArray[np.int32], rows: Catalogue
) -> LinkWatch:
    """The rules on lane time."""
    silence = SilenceWatch([pack.silent for pack in packs], class_of)
    watch = LivenessWatch(silence, [pack.invalid for pack in packs], class_of)
    return LinkWatch(watch, silence, _links(packs, class_of, rows))


def _links(packs: Sequence[ClassPack], class_of: NDArray[np.int32], rows: Catalogue) -> Links:
    """Links of a lane's channels whose silence rings; where lives hang on it, each by itself."""
    names, link_of = rows.links()
    if not names:
        return NO_LINKS
    folds = np.array([pack.silent is not None and not pack.life_safety for pack in packs])
    there, code = np.unique(np.where(folds[class_of], link_of, -1), return_inverse=True)
    none = int(there[0] < 0)  # the first of them stands for channels without a link
    return Links([names[link] for link in there[none:]], code.astype(np.int32) - none)


def _unit(rows: Catalogue, name: str) -> NDArray[np.float64]:
    """Scale or offset of every channel; of one alone where all have the same."""
    column = rows.column(name)
    alike = len(column) > 0 and (column == column[0]).all()
    return column[:1] if alike else column


def stopped_alarm(zone: timezone, name: LaneName, error: TocsinError, now_ms: int) -> Message:
    """Alarm of a lane that cannot go on, stamped in the city's time zone."""
    place = StoppedLane(name.lifeline, str(name), name.telemetry, name.number, zone, name.commands)
    return lane_stopped_alarm(place, error, now_ms)


def stopped_notice(zone: timezone, name: LaneName, error: TocsinError, now_ms: int) -> Message:
    """Notice of a desk stage that cannot go on, stamped in the city's time zone."""
    return desk_stopped_notice(str(name), error, now_ms, zone)


def plan_of(configuration: Configuration, lifeline: str) -> Plan:
    """Plan of a lifeline with the limits of its settings.

    Raises
    ------
    ConfigError
        When the configuration knows no such lifeline.
    """
    if lifeline not in configuration.partitions:
        known = ", ".join(configuration.partitions)
        msg = f"--lifeline: expected a configured one ({known}), got {lifeline!r}"
        raise ConfigError(msg)
    settings = configuration.settings
    limits = DecodeLimits(
        message_bytes=settings.limits.message_bytes,
        readings_per_message=settings.limits.readings_per_message,
        batches_per_message=settings.limits.batches_per_message,
    )
    return Plan(configuration, lifeline, TopicNames(settings.app), limits)


def class_cards(pack: ClassPack) -> ClassCards:
    """What the alarm book must know of a class."""
    slot_of = {**slots(), "silent": silence.SLOT, "invalid": invalid.SLOT}
    cards = {slot_of[name]: _card(pack, name) for name in RULES if pack.rule(name) is not None}
    if pack.limit is not None:
        cards[slot_of["limit"]] = _limit_card(pack.limit, cards[slot_of["limit"]])
    return ClassCards(pack.unit, cards, pack.words, life_safety=pack.life_safety)


def _card(pack: ClassPack, name: str) -> RuleCard:
    """Card of a rule that has no thresholds of its own colours."""
    rule = pack.rule(name)
    return RuleCard(
        name,
        pack.at[name],
        rule.duty,
        finding=partial(finding_of(name), rule),
        column=getattr(rule, "of", VALUE),
        lengths=lengths_of(rule),
        rate=partial(rate_of(name), rule),
    )


def _limit_card(limit: LimitRule, plain: RuleCard) -> RuleCard:
    """Card of limits, and of the kinds of day that have their own."""

    def card(sides: Limit) -> RuleCard:
        low, high = _thresholds(sides.low), _thresholds(sides.high)
        return replace(plain, low=low, high=high, finding=partial(by_sides, sides))

    own = {} if limit.on_delays is None else lengths_of(limit.on_delays)
    lengths = {f"on_delay.{colour}": ns for colour, ns in own.items()}
    plain = replace(plain, lengths={**plain.lengths, **lengths})

    if limit.days is None:
        return card(limit)
    of_day = {day: card(limit.on(day)) for day in DAY_TYPES}

    def on(time_ns: int) -> RuleCard:
        return of_day[day_type(time_ns, limit.utc_offset.ns, limit.calendar)]

    return replace(card(limit), on=on)


def _thresholds(steps: Steps | None) -> Thresholds:
    if steps is None:
        return NO_THRESHOLDS
    blue, yellow, orange, red = (getattr(steps, colour) for colour in COLOURS)
    return (blue, yellow, orange, red)
