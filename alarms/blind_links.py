"""The alarm of a link whose channels have fallen silent together: what is blind, and where."""

import math
from collections.abc import Mapping
from datetime import timezone
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alarms.figures import lasted
from alarms.findings import FINDINGS
from alarms.wording import clock
from contracts.alarm import Alarm, Evidence, OwnedBy, RespondTo, RungBy
from contracts.catalogue import Catalogue, Where
from contracts.quantities import NS_PER_S
from contracts.transition import Colour

RULE: Final = "observability"
SILENT: Final = "silent"  # rule of a single channel
UNIT: Final = "channels"
WITHIN_NS: Final = 15 * 60 * NS_PER_S
SOURCE: Final = "[E] lifelines.md section 19.2 item 5; orange by section 0.3 item 2"
STEPS: Final = [
    "ask the operator of the link, and whether its power has failed",
    "watch the area by other means: cameras, patrols, calls",
    "see which critical users lie in it",
]
AREAS_MAX: Final = 3  # that a sentence names one by one
# Levels of place by which an area is named, the nearest first, and what people call them.
LEVELS: Final = (("street", "street", "街道"), ("district", "district", "区"))
LIFELINES_ZH: Final = {
    "water": "供水",
    "drainage": "排水",
    "power": "供电",
    "gas": "燃气",
    "hazchem": "危化品",
    "fire": "消防",
    "heat": "供热",
    "metro": "地铁",
    "elevator": "电梯",
    "road": "道路",
    "bridge": "桥梁",
    "tunnel": "隧道",
    "subsidence": "地面沉降",
    "pit": "基坑",
    "building": "房屋",
    "telecom": "通信",
    "curtain": "玻璃幕墙",
    "gallery": "综合管廊",
    "weather": "气象",
    "stores": "仓储",
    "port": "港口",
    "street": "街道设施",
}
STILL: Final = {
    "en": "{name}: {silent} of its {channels} {lifeline} channels silent for {lasted}{blind}.",
    "zh": "{name}：所属 {channels} 个{lifeline}测点中 {silent} 个无数据，已持续 {lasted}{blind}。",
}
OVER: Final = {
    "en": "{name}: cleared (observability), lasted {lasted}; {silent} of its {channels} {lifeline} "
    "channels still silent.",
    "zh": "{name}：监测中断告警解除，历时 {lasted}；所属 {channels} 个{lifeline}测点中"
    "仍有 {silent} 个无数据。",
}
BLIND: Final = {"en": "; blind: {area}", "zh": "；失去监测范围：{area}"}


class Blind(NamedTuple):
    """What a sentence tells of a link.

    Parameters
    ----------
    link, lifeline : str
        `lifeline` is that of the channels.
    silent, channels : int
    lasted_ns : int
    areas : tuple of (str, tuple of str)
        Level, and the codes of the areas of it that are blind; empty codes where none is known.
    """

    link: str
    lifeline: str
    silent: int
    channels: int
    lasted_ns: int
    areas: tuple[str, tuple[str, ...]]

    def say(self, template: Mapping[str, str]) -> dict[str, str]:
        """Sentence in both languages."""
        return {language: self._say(text, language) for language, text in template.items()}

    def _say(self, template: str, language: str) -> str:
        area = _named(self.areas, language)
        names = LIFELINES_ZH if language == "zh" else {}
        return template.format(
            name=self.link,
            silent=self.silent,
            channels=self.channels,
            lifeline=names.get(self.lifeline, self.lifeline),
            lasted=lasted(self.lasted_ns, language),
            blind=BLIND[language].format(area=area) if area else "",
        )


def _named(areas: tuple[str, tuple[str, ...]], language: str) -> str:
    level, codes = areas
    if not codes:
        return ""
    en, zh = next((en, zh) for name, en, zh in LEVELS if name == level)
    shown, more = codes[:AREAS_MAX], len(codes) - AREAS_MAX
    if language == "zh":
        return f"{zh} {'、'.join(shown)}" + (f" 等 {len(codes)} 个" if more > 0 else "")
    word = en if len(codes) == 1 else f"{en}s"
    return f"{word} {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")


class LinkBook:
    """Makes the alarms of the links of one lane.

    Parameters
    ----------
    lifeline : str
        Of the lane.
    lane : str
        One link may be that of channels in several lanes, each of which rings for its own.
    config : str
    zone : timezone
    catalogue : Catalogue
        The lane's channels, in row order.
    """

    def __init__(
        self, lifeline: str, lane: str, config: str, zone: timezone, catalogue: Catalogue
    ) -> None:
        self._lifeline, self._lane, self._config = lifeline, lane, config
        self._zone = zone
        self._catalogue = catalogue
        self._names, self._link_of = catalogue.links()
        self._areas_of: dict[str, tuple[list[str], NDArray[np.int32]]] = {}  # by level

    def __contains__(self, link: str) -> bool:
        """Whether the catalogue names a link."""
        return link in self._names

    def name(self, row: int) -> str:
        """Link of a channel that has one."""
        return self._names[int(self._link_of[row])]

    def spoken_by(self, row: int) -> str | msgspec.UnsetType:
        """Link of a channel; unset where it names none."""
        has = len(self._link_of) > 0 and self._link_of[row] >= 0
        return self.name(row) if has else msgspec.UNSET

    def subject(self, link: str) -> str:
        """What an alarm's id is made of: other lanes have alarms of the same link."""
        return f"{self._lane} {link}"

    def owner(self, time_ns: int) -> OwnedBy:
        """Who has to acknowledge, and by when."""
        by = clock(time_ns + WITHIN_NS, self._zone)
        return OwnedBy("district", "duty officer for communications", by, "city")

    def alarm(
        self, alarm: str, transition: Mapping[str, Any], onset_ns: int, evidence: Evidence
    ) -> Alarm:
        """First revision for a level change of a link.

        Parameters
        ----------
        alarm : str
            Its id.
        transition : mapping
            Fields of a `TRANSITION`: `expected` channels, of which `observed` are heard.
        onset_ns : int
        evidence : Evidence
        """
        link, time_ns = self.name(transition["row"]), int(transition["time_ns"])
        colour, was = Colour(transition["now"]), Colour(transition["was"])
        heard, channels = int(transition["observed"]), int(transition["expected"])
        rows = np.flatnonzero(self._link_of == self._link_of[transition["row"]])
        lasted_ns, areas = time_ns - onset_ns, self._areas(rows)
        told = Blind(link, self._lifeline, channels - heard, channels, lasted_ns, areas)
        lifeline, _, asset = link.partition(".")
        return Alarm(
            id=alarm,
            revision=1,
            state="active" if colour else "cleared",
            colour=colour.word,
            was=was.word,
            lifeline=lifeline,
            channel=link,
            group=link,
            onset=clock(onset_ns, self._zone),
            detected=clock(time_ns, self._zone),
            say=told.say(rings() if not was else STILL if colour else OVER),
            observed=float(heard),
            expected=float(channels),
            band=None,
            unit=UNIT,
            next=None,
            where=self._where(rows),
            criticality="normal",
            evidence=[evidence],
            cause="the link, or its power, has failed",
            consequence="what happens in its area is not seen; alarms there keep their last state",
            respond=RespondTo("O-1", STEPS),
            owner=self.owner(time_ns),
            rule=RungBy(RULE, "built in", SOURCE, self._config),
            asset=asset,
        )

    def _codes(self, level: str, rows: NDArray[np.intp]) -> tuple[str, ...]:
        """Areas of a level that some rows lie in."""
        if level not in self._areas_of:  # made once: cells of a grid are thousands
            self._areas_of[level] = self._catalogue.codes(level)
        words, code_of = self._areas_of[level]
        return tuple(sorted(words[code] for code in np.unique(code_of[rows]) if words[code]))

    def _areas(self, rows: NDArray[np.intp]) -> tuple[str, tuple[str, ...]]:
        """Streets when they are few, else districts."""
        for level, _, _ in LEVELS:
            codes = self._codes(level, rows)
            if 0 < len(codes) <= AREAS_MAX:
                return level, codes
        return LEVELS[-1][0], self._codes(LEVELS[-1][0], rows)

    def _where(self, rows: NDArray[np.intp]) -> Where:
        """As much of the place as all channels share, and the middle of them."""
        place = {}
        for level in ("district", "street", "neighbourhood", "grid"):
            codes = self._codes(level, rows)
            place[level] = codes[0] if len(codes) == 1 else ""
        lon, lat = (_middle(self._catalogue.column(name)[rows]) for name in ("lon", "lat"))
        return Where(**place, lon=lon, lat=lat)


def rings() -> dict[str, str]:
    """Sentence of a link that has begun to ring, by language."""
    found = FINDINGS[RULE]
    return {"en": f"{{name}}: {found.en}.", "zh": f"{{name}}：{found.zh}。"}


def _middle(degrees: NDArray[np.float64]) -> float | None:
    """Mean of those that are known, to the metre."""
    known = degrees[~np.isnan(degrees)]
    mean = math.fsum(known.tolist()) / len(known) if len(known) else None
    return None if mean is None else round(mean, 5)
