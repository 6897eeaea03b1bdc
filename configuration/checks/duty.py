"""Places and hours that no desk has, which are refused, and what of desks is hardly meant."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alarms.duty.responsibility import KINDS
from configuration.catalogue.read import ChannelTable
from configuration.desk.duty import DutyFolder
from configuration.yaml.findings import NOWHERE, Findings
from contracts.catalogue import Where

AREAS_TOLD: Final = 5  # more in one line nobody reads
AREA_COLUMNS: Final = ["district", "street", "neighbourhood"]


def refuse_holes(duty: DutyFolder, tables: Sequence[ChannelTable], findings: Findings) -> None:
    """Note holes in who owns what, and hours without anybody at a desk that has none above it.

    Nothing is said of the built-in desk, nor of a level that has no desks at all or none somewhere
    as the files themselves say: there the next one falls in by design.
    """
    if not duty.places:
        return
    places = {lifeline: list(_places(table)) for lifeline, table in _by_lifeline(tables)}
    for line in _holes(duty, places):
        findings.add(_folder(duty), NOWHERE, "desks", line)
    _judge_hours(duty, findings)


def judge_duty(duty: DutyFolder, tables: Sequence[ChannelTable], findings: Findings) -> None:
    """Note desks without a place, risks that nothing shows, and what nobody bears."""
    if not duty.places:
        return
    places = {lifeline: list(_places(table)) for lifeline, table in _by_lifeline(tables)}
    _judge_areas(duty, places, findings)
    for line in [*_unknown_rules(duty, tables), *_unborne(duty, places)]:
        findings.add(_folder(duty), NOWHERE, "responsible", line)


def _folder(duty: DutyFolder) -> str:
    page, _ = next(iter(duty.places.values()))
    return Path(page.file).parent.as_posix()


def _by_lifeline(tables: Sequence[ChannelTable]) -> Iterator[tuple[str, pa.Table]]:
    for channels in tables:
        if channels.table.num_rows:
            first: str = channels.table["id"][0].as_py()
            yield first.partition(".")[0], channels.table


def _places(table: pa.Table) -> Iterator[Where]:
    """Each area that channels lie in, once."""
    plain = pa.table({name: table[name].cast(pa.string()) for name in AREA_COLUMNS})
    for row in plain.group_by(AREA_COLUMNS).aggregate([]).to_pylist():
        yield Where(row["district"], row["street"], row["neighbourhood"], "", None, None)


def _holes(duty: DutyFolder, places: dict[str, list[Where]]) -> list[str]:
    """One line for each level and list of areas."""
    desks = duty.plan.desks
    levels = {desk.level for desk in desks}
    areas: dict[tuple[str, str], list[str]] = {}
    for lifeline, there in sorted(places.items()):
        for hole in desks.holes(there, [lifeline]):
            meant = any(one.holds(hole) for one in duty.covered_above)
            if hole.level in levels and not meant:
                areas.setdefault((hole.level, lifeline), []).append(hole.area)
    lifelines: dict[tuple[str, str], list[str]] = {}
    for (level, lifeline), holes in areas.items():
        more = f" and {len(holes) - AREAS_TOLD} more" if len(holes) > AREAS_TOLD else ""
        named = ", ".join(holes[:AREAS_TOLD]) + more
        lifelines.setdefault((level, named), []).append(lifeline)
    return [
        f"expected a {level} desk for {', '.join(some)} in every area, got none in {named}; add "
        "one, or say with `covered_above` that the next level answers there"
        for (level, named), some in sorted(lifelines.items())
    ]


def _judge_areas(duty: DutyFolder, places: dict[str, list[Where]], findings: Findings) -> None:
    everywhere = [where for there in places.values() for where in there]
    area_of = duty.plan.desks.area_of
    for desk in duty.plan.desks:
        if desk.area and not any(area_of(desk.level, w) == desk.area for w in everywhere):
            page, path = duty.places[desk.id]
            text = f"expected a {desk.level} of the catalogues, got {desk.area!r}; nothing is there"
            findings.add(page.file, page.located.position((*path, "area")), "", text)


def _unknown_rules(duty: DutyFolder, tables: Sequence[ChannelTable]) -> Iterator[str]:
    """Risks of the catalogue that nothing can show."""
    classes = {name for t in tables for name in pc.unique(t.table["class"]).to_pylist()}
    known = classes | {name.partition(".")[0] for name in classes}
    for rule in duty.plan.responsibilities.rules:
        if rule.partition("/")[0] not in known:
            text = f"expected risks of rules, classes or lifelines of the catalogues, got {rule!r}"
            yield f"{text}; no channel can show it"


def _unborne(duty: DutyFolder, places: dict[str, list[Where]]) -> Iterator[str]:
    """Kinds of responsibility that somebody bears elsewhere, and nobody for a lifeline here."""
    found = duty.plan.responsibilities
    for kind in filter(found.bears, KINDS):
        for lifeline, there in sorted(places.items()):
            holes = {w.district for w in there if found.party(kind, w, [lifeline]) is None}
            if holes:
                named = ", ".join(sorted(holes)[:AREAS_TOLD]) or "the city"
                text = f"expected who bears the responsibility `{kind}` for {lifeline}"
                yield f"{text}, got nobody in {named}; add them to `responsible`"


def _judge_hours(duty: DutyFolder, findings: Findings) -> None:
    top = duty.plan.desks.top
    for desk in duty.plan.desks:
        gap = duty.plan.roster.weekly_gap(desk.id) if desk.level == top else ""
        if gap:
            page, path = duty.places[desk.id]
            text = f"expected somebody at a {top} desk at all hours, got nobody from {gap} on"
            place = page.located.position(path)
            findings.add(
                page.file, place, "", f"{text}; add shifts or `people`, as no desk is above it"
            )
