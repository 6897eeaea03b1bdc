"""Made cities for tests of incidents: alarms, kinds of edges, topologies."""

from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

import msgspec

from alarms.incidents.edges import Correlation, EdgeKind
from alarms.incidents.topology import Edge, Node, Topology
from alarms.wording import clock
from contracts.alarm import Alarm, OwnedBy, RespondTo, RungBy
from contracts.catalogue import Where
from contracts.quantities import NS_PER_S, Duration

ZONE = timezone(timedelta(hours=8))
BEGIN_S = 1_772_305_920
PLACE = Where("310101", "310101002", "n-07", "g-01", None, None)


def kind(number: int, earliest: str, latest: str, usual: str, **more: Any) -> EdgeKind:
    """A kind of edge that is sure unless said otherwise."""
    said: dict[str, Any] = {"spread": Duration("10 min"), "prior": 0.9, **more}
    return EdgeKind(
        number=number,
        en="what follows",
        zh="后果",
        source="[E] made",
        earliest=Duration(earliest),
        latest=Duration(latest),
        usual=Duration(usual),
        **said,
    )


KINDS = {
    "feeds": kind(1, "0 s", "30 s", "5 s", suspect=True),
    "presses": kind(2, "10 s", "10 min", "1 min", suspect=True),
    "carries": kind(
        8, "0 s", "5 min", "1 min", finding="silent", suspect=True, channels=20, share=0.3,
        within=Duration("3 min"),
    ),
    "freezes": kind(20, "12 h", "96 h", "48 h", spread=Duration("72 h"), prior=0.6),
    "backs_up": kind(7, "0 s", "30 s", "5 s", buffer_least=Duration("1 h"),
                     buffer_most=Duration("4 h")),
    "shears": kind(14, "0 s", "60 s", "10 s", cycles=True, suspect=False),
}  # fmt: skip
CORRELATION = Correlation(
    kinds=KINDS,
    windows={"power": Duration("5 min"), "elevator": Duration("5 min")},
    jitters={"power": Duration("10 s"), "elevator": Duration("60 s")},
    holds={"crowd": Duration("10 min"), "structure": Duration("24 h")},
)


def node(name: str, node_kind: str = "asset", **more: Any) -> Node:
    """A node by its id."""
    lifeline, _, asset = name.partition(".")
    return Node(name, lifeline, asset, node_kind, **more)


def topology(*edges: tuple[str, str, str], **nodes: Any) -> Topology:
    """Nodes from edges `(parent, kind, child)`; `nodes` says more of some, dots as `__`."""
    said = {name.replace("__", "."): more for name, more in nodes.items()}
    names = {name for parent, _, child in edges for name in (parent, child)} | set(said)
    made = [node(name, **said.get(name, {})) for name in sorted(names)]
    lines = [Edge(parent, child, word) for parent, word, child in edges]
    return Topology(made, lines, CORRELATION)


@dataclass
class Rings:
    """Makes alarms with ids in order."""

    count: int = 0

    def __call__(self, asset: str, at_s: int = 0, **more: Any) -> Alarm:
        """An alarm of an asset `<lifeline>.<asset>`, `at_s` seconds after the beginning."""
        self.count += 1
        lifeline, _, name = asset.partition(".")
        colour = more.pop("colour", "yellow")
        rule = more.pop("rule", "limit")
        time = clock((BEGIN_S + at_s) * NS_PER_S, ZONE)
        said: dict[str, Any] = {
            "id": f"a-{self.count:016x}",
            "channel": f"{asset}.state",
            "class_name": f"{lifeline}.state",
            **more,
        }
        return Alarm(
            revision=1,
            state="active",
            colour=colour,
            was="clear",
            lifeline=lifeline,
            asset=name,
            group=asset,
            onset=time,
            detected=time,
            say={"en": f"{asset} rings", "zh": f"{asset} 告警"},
            observed=None,
            expected=None,
            band=None,
            unit="",
            next=None,
            where=PLACE,
            criticality=more.pop("criticality", "normal"),
            evidence=[],
            cause="",
            consequence="",
            respond=RespondTo("P-1", []),
            owner=OwnedBy("district", "duty", "", "city"),
            rule=RungBy(rule, "", "", ""),
            **{key: value for key, value in said.items() if key != "criticality"},
        )


def again(alarm: Alarm, **more: Any) -> Alarm:
    """The next revision of an alarm."""
    return msgspec.structs.replace(alarm, revision=alarm.revision + 1, was=alarm.colour, **more)


def cleared(alarm: Alarm) -> Alarm:
    """Its last revision."""
    return again(alarm, state="cleared", colour="clear")
