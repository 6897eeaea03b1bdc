"""What a configuration says of the city, for the console."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alarms.blind_links import LIFELINES_ZH
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from configuration.desk.outlines import load_outlines
from configuration.lane_plan import plan_of
from configuration.yaml.fill import Page
from contracts.catalogue import Catalogue
from contracts.civil_time import civil_zone
from contracts.ports.console import (
    BESIDE_MAX,
    AssetFacts,
    ChannelFacts,
    DeskFacts,
    LifelineFacts,
    Text,
)
from contracts.quantities import NS_PER_MS, NS_PER_S
from operate.console.description import CityDescription

NAMELESS: Final[Text] = {"en": "City", "zh": "城市"}
WINDOW_S: Final = 600  # over which a desk's load is shown
PACKS_KEPT: Final = 256


class ConfiguredCity:
    """A `City` of a configuration folder.

    Parameters
    ----------
    folder : Path
    configuration : Configuration

    Attributes
    ----------
    topology : Topology
        What depends on what.
    """

    def __init__(self, folder: Path, configuration: Configuration) -> None:
        self._folder = folder
        self._configuration = configuration
        self._desk = DeskConfiguration.load(folder, configuration)
        self.topology = self._desk.topology
        self.zone = configuration.zone
        offset = datetime.now(UTC).astimezone(civil_zone(self.zone)).utcoffset()
        self.offset_minutes = int(offset.total_seconds() // 60) if offset else 0
        self.lifelines: Sequence[LifelineFacts] = [
            LifelineFacts(
                name, {"en": name.capitalize(), "zh": LIFELINES_ZH.get(name, name)}, len(catalogue)
            )
            for name, catalogue in sorted(configuration.catalogues.items())
        ]
        self._read_duty()
        self._read_topology()
        self.rules = lru_cache(PACKS_KEPT)(self._rules)

    def _read_duty(self) -> None:
        """Desks, and names of districts."""
        plan = self._desk.duty.plan
        budget = round(WINDOW_S / max(plan.budget.every.ns // NS_PER_S, 1), 2)
        self.desks: Sequence[DeskFacts] = [
            DeskFacts(desk.id, _text(desk.name), list(desk.lifelines), desk.area, budget)
            for desk in plan.desks
        ]
        centres = [d for d in plan.desks if d.level == plan.desks.top and not d.lifelines]
        beats = [desk.heartbeat.ns // NS_PER_MS for desk in plan.desks]
        self.heartbeat_ms = min(beats, default=None)
        self.name: Text = _text(centres[0].name) if centres else NAMELESS
        codes = {
            code
            for catalogue in self._configuration.catalogues.values()
            for code in catalogue.codes("district")[0]
            if code
        }
        named = {code: _text(text) for code, text in plan.areas.items()}
        self.districts: Sequence[tuple[str, Text]] = [
            (code, named.get(code, {"en": code, "zh": code})) for code in sorted(codes)
        ]
        self.outlines = load_outlines(self._folder, codes | named.keys())

    def _read_topology(self) -> None:
        """Assets, and what feeds what."""
        topology, districts = self._desk.topology, self._districts_of_assets()
        self.assets: Sequence[AssetFacts] = [
            AssetFacts(
                node.id,
                node.lifeline,
                node.asset,
                {"en": node.called("en"), "zh": node.called("zh")},
                node.lon,
                node.lat,
                frozenset(districts.get((node.lifeline, node.asset), ())),
            )
            for node in topology.nodes
        ]
        self.feeds: Sequence[tuple[str, str]] = [
            (edge.parent, edge.child)
            for node in topology.nodes
            for edge in topology.children(node.id)
        ]

    def _districts_of_assets(self) -> dict[tuple[str, str], set[str]]:
        """Districts in which an asset of the topology has channels: of a city's, these are few."""
        wanted: dict[str, list[str]] = {}
        for node in self._desk.topology.nodes:
            wanted.setdefault(node.lifeline, []).append(node.asset)
        found: dict[tuple[str, str], set[str]] = {}
        for lifeline, catalogue in self._configuration.catalogues.items():
            places = catalogue.table.select(["asset", "district"])
            places = places.group_by(["asset", "district"]).aggregate([])
            assets = pa.array(wanted.get(lifeline, []), pa.string())
            here = places.filter(pc.is_in(places["asset"].cast(pa.string()), assets))
            for row in here.to_pylist():
                if row["district"]:
                    found.setdefault((lifeline, row["asset"]), set()).add(row["district"])
        return found

    def lifeline_of(self, channel: str) -> str | None:
        """See `City`."""
        catalogues = self._configuration.catalogues.items()
        return next((name for name, found in catalogues if channel in found.row_of), None)

    def channel(self, lifeline: str, channel: str) -> ChannelFacts | None:
        """See `City`."""
        catalogue = self._configuration.catalogues.get(lifeline)
        row = None if catalogue is None else catalogue.row_of.get(channel)
        if catalogue is None or row is None:
            return None
        lane = int(plan_of(self._configuration, lifeline).lane_of[row])
        return self._facts(lifeline, catalogue, row, lane)

    def beside(self, lifeline: str, channel: str) -> list[str]:
        """See `City`."""
        found = self.channel(lifeline, channel)
        if found is None:
            return []
        table = self._configuration.catalogues[lifeline].table
        ids = table.filter(pc.equal(table["asset"].cast(pa.string()), found.asset))["id"]
        others = sorted(one for one in ids.to_pylist() if one != channel)
        return others[:BESIDE_MAX]

    def _facts(self, lifeline: str, catalogue: Catalogue, row: int, lane: int) -> ChannelFacts:
        found = catalogue.channel(row)
        where = found.where
        return ChannelFacts(
            found.id,
            lifeline,
            lane,
            found.class_name,
            found.asset,
            found.name,
            where.district,
            " ".join(word for word in (where.street, where.neighbourhood, where.grid) if word),
            self._configuration.packs[found.class_name].unit,
            where.lon,
            where.lat,
            catalogue.tags(row),
        )

    def channels(self) -> Iterator[tuple[str, ChannelFacts]]:
        """Every channel, and the label of what governs it."""
        for lifeline, catalogue in self._configuration.catalogues.items():
            lane_of = plan_of(self._configuration, lifeline).lane_of.tolist()
            labels, label_of = self._configuration.labels(catalogue)
            for row, (lane, label) in enumerate(zip(lane_of, label_of.tolist(), strict=True)):
                yield labels[label], self._facts(lifeline, catalogue, row, lane)

    def described(self) -> CityDescription:
        """All of it but the channels, to be served where no rules are loaded."""
        return CityDescription(
            self.name,
            self.zone,
            self.heartbeat_ms,
            self.offset_minutes,
            list(self.lifelines),
            list(self.districts),
            dict(self.outlines),
            list(self.desks),
            list(self.assets),
            list(self.feeds),
            {name: list(rule.to) for name, rule in self._desk.answers.tickets.states.items()},
            self._rules_by_label(),
        )

    def _rules_by_label(self) -> dict[str, list[dict[str, object]]]:
        from lab.explain.explain import pages_of  # noqa: PLC0415 - only here and for a channel

        pages, found = pages_of(self._folder), dict[str, list[dict[str, object]]]()
        for catalogue in self._configuration.catalogues.values():
            labels, label_of = self._configuration.labels(catalogue)
            for label, row in zip(*np.unique(label_of, return_index=True), strict=True):
                found[labels[label]] = self._rules(catalogue.ids[int(row)], pages)
        return found

    def _rules(
        self, channel: str, pages: Mapping[str, Page] | None = None
    ) -> list[dict[str, object]]:
        """See `City.rules`."""
        from lab.explain.explain import governing  # noqa: PLC0415 - only a channel's page asks

        _, values = governing(self._folder, self._configuration, channel, pages)
        rules: list[dict[str, object]] = []
        for value in values:
            file, _, place = value.written.partition(":")
            line = place.partition(":")[0]
            said = {"name": value.path, "kind": value.path.partition(".")[0], "text": value.text}
            rules.append({**said, "file": file, "line": int(line) if line.isdecimal() else 0})
        return rules

    def next_states(self, state: str) -> list[str]:
        """See `City`."""
        rule = self._desk.answers.tickets.states.get(state)
        return [] if rule is None else list(rule.to)


def _text(text: object) -> Text:
    found: Text = msgspec.to_builtins(text)
    return found
