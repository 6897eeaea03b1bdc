"""The configuration folder, file by file, with everything that is wrong in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from alarms.incidents.topology import Topology
from configuration.calendar import FILE as CALENDAR_FILE
from configuration.calendar import in_zone, read_calendar, with_calendar
from configuration.catalogue.check import check_channels, check_ids
from configuration.catalogue.read import SUFFIXES, ChannelTable, read_channels
from configuration.catalogue.store import by_id
from configuration.checks.duty import refuse_holes
from configuration.checks.pack import check_pack
from configuration.checks.references import check_references
from configuration.desk.duty import FOLDER as DESKS
from configuration.desk.duty import DutyFolder, read_duty
from configuration.desk.notices import FOLDER as NOTICES
from configuration.desk.topology import FOLDER as TOPOLOGY
from configuration.desk.topology import read_topology
from configuration.pack import RULES, ClassPack, Pack, in_time
from configuration.settings import FILE as SETTINGS_FILE
from configuration.settings import Settings, read_settings
from configuration.yaml.fill import Page, partial
from configuration.yaml.findings import NOWHERE, Findings
from configuration.yaml.located import Located
from configuration.yaml.overrides import KEY, applied, plain, selectors, varied
from configuration.yaml.placeholders import without_placeholders
from configuration.yaml.shared_duties import FILE as DUTIES_FILE
from configuration.yaml.shared_duties import read_duties, with_duties
from configuration.yaml.source import read_located
from configuration.yaml.units import in_unit
from contracts.catalogue import HASH, Catalogue
from contracts.civil_time import CITY, DayType, civil_zone

CATALOGUE: Final = "catalogue"
NO_LIFELINES: Final = frozenset({DESKS, NOTICES, TOPOLOGY})  # folders with YAML of their own


def _holds_packs(path: Path) -> bool:
    return path.name not in NO_LIFELINES and path.is_dir() and any(path.glob("*.yaml"))


def _is_test(path: Path) -> bool:
    """Whether the file holds tests of rules, which `tocsin check --test` runs."""
    return path.name.endswith(".test.yaml")


def _unmet(page: Page, used: set[str]) -> list[str]:
    """Warnings of overrides that no channel has: a catalogue may have fewer tags than a pack."""
    found = Findings()
    for selector in selectors(page):
        if selector not in used:
            text = "expected a channel of the class with it, got none; it changes nothing"
            Page(page.file, page.located, found).find((KEY, selector), text, key=True)
    return found.lines()


class Loader:
    """Reads one folder; findings pile up.

    Parameters
    ----------
    folder : Path
    environment : mapping
        Variables for `${env:NAME}`.
    findings : Findings
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], findings: Findings) -> None:
        self._folder = folder
        self._environment = environment
        self._findings = findings
        self._packs: list[ClassPack] = []
        self.pages: dict[str, Page] = {}  # class to its good file
        self._classes: dict[str, str] = {}  # class to file, whether the pack was good or not
        self.unmet: list[str] = []  # overrides that no channel has, as warnings
        self._opaque: set[str] = set()  # lifelines with a pack whose class could not be read
        self.tables: list[ChannelTable] = []
        self._calendar: dict[str, DayType] = {}
        self._duties: dict[str, Any] = {}  # blocks that rules share, by name
        self._zone = CITY
        self.duty: DutyFolder | None = None  # desks and rosters, if they are good
        self.topology: Topology | None = None  # None without a folder of it

    def load(self) -> tuple[Settings, list[ClassPack], dict[str, pa.Table]] | None:
        """Settings, packs with their variants, and channels of each lifeline by id.

        None when something was wrong.
        """
        if not self._folder.is_dir():
            self._note(self._folder, "expected a configuration folder, got none; name another")
            return None
        settings = self.settings()
        there = [path.name for path in self._folder.iterdir() if _holds_packs(path)]
        if settings is not None:
            self._zone = civil_zone(settings.zone)
            self._unknown_ids(there, settings)
            self.duty = read_duty(self._folder, self._zone, settings.lifelines, self._findings)
        self._read_calendar()
        self._read_duties()
        for lifeline in sorted(there if settings is None else settings.lifelines):
            self._lifeline(lifeline)
        self.topology = read_topology(
            self._folder / TOPOLOGY, self._called, self._judged(), self._findings
        )
        hashes = check_ids(self.tables, self._findings)
        check_references(self._packs, self.pages, self._classes)
        if self.duty is not None and not self._findings.found:
            refuse_holes(self.duty, self.tables, self._findings)
        if settings is None or self._findings.found:
            return None
        tables = {
            lifeline: by_id(channels.table.append_column(HASH, pa.array(some)))
            for lifeline, channels, some in zip(
                sorted(settings.lifelines), self.tables, hashes, strict=True
            )
        }
        self._vary([Catalogue(table) for table in tables.values()])
        return settings, self._packs, tables

    def _judged(self) -> list[str]:
        """Classes of lifelines whose classes could all be read."""
        return sorted(c for c in self._classes if c.partition(".")[0] not in self._opaque)

    def _vary(self, catalogues: Sequence[Catalogue]) -> None:
        """Add the variants of classes that overrides make for some channels."""
        chosen: dict[str, set[tuple[str, ...]]] = {name: set() for name in self.pages}
        named = {name: selectors(page) for name, page in self.pages.items()}
        for catalogue in catalogues:
            kinds, which = applied(catalogue, named)
            for i in np.unique(which).tolist():
                chosen[kinds[i][0]].add(kinds[i][1])
        for name, page in sorted(self.pages.items()):
            used = {selector for some in chosen[name] for selector in some}
            self.unmet += _unmet(page, used)
            for some in sorted(chosen[name]):
                if some:
                    self._variant(page, some)

    def _variant(self, page: Page, chosen: tuple[str, ...]) -> None:
        tree, found = varied(page.located, chosen), Findings()
        lifeline = tree.data["class"].partition(".")[0]
        self._fill(Page(page.file, tree, found), lifeline, chosen)
        for finding in found.found:
            text = f"{finding.text} (with {' and '.join(chosen)})"
            self._findings.add(finding.file, finding.place, finding.path, text)

    def _called(self, path: Path) -> str:
        return path.as_posix()

    def _note(self, path: Path, text: str) -> None:
        self._findings.add(self._called(path), NOWHERE, "", text)

    def _tree(self, path: Path) -> Located | None:
        return read_located(path, self._findings)

    def settings(self) -> Settings | None:
        """Settings alone; None when something was wrong."""
        path = self._folder / SETTINGS_FILE
        tree = self._tree(path)
        if tree is None:
            return None
        return read_settings(self._called(path), tree, self._environment, self._findings)

    def _read_calendar(self) -> None:
        path = self._folder / CALENDAR_FILE
        if path.exists() and (tree := self._tree(path)) is not None:
            self._calendar = read_calendar(Page(self._called(path), tree, self._findings))

    def _read_duties(self) -> None:
        path = self._folder / DUTIES_FILE
        if path.exists() and (tree := self._tree(path)) is not None:
            page = without_placeholders(Page(self._called(path), tree, self._findings))
            self._duties = read_duties(page)

    def _unknown_ids(self, there: list[str], settings: Settings) -> None:
        """A folder with packs that no lifeline names would be passed over in silence."""
        for name in there:
            if name not in settings.lifelines:
                text = f"expected a lifeline of {SETTINGS_FILE}, got {name!r}"
                advice = "add it under `lifelines` or move the folder away"
                self._note(self._folder / name, f"{text}; {advice}")

    def _lifeline(self, lifeline: str) -> None:
        folder = self._folder / lifeline
        if not folder.is_dir():
            self._note(folder, "expected a folder with packs and a catalogue, got none; add it")
            return
        for path in sorted(folder.iterdir()):
            if path.suffix == ".yml":
                self._note(path, "expected the ending `.yaml`, got `.yml`; rename the file")
            elif path.suffix == ".yaml" and path.stem != CATALOGUE and not _is_test(path):
                self._pack(path, lifeline)
        self._channels(folder, lifeline)

    def _pack(self, path: Path, lifeline: str) -> None:
        tree = self._tree(path)
        if tree is None:
            self._opaque.add(lifeline)
            return
        before = len(self._findings)
        page = without_placeholders(Page(self._called(path), tree, self._findings))
        named = selectors(page)
        whole = Page(page.file, plain(page.located), self._findings)
        fields = self._fill(whole, lifeline, (), named)
        name = fields.get("class_name")
        if name is None or not name.startswith(f"{lifeline}."):
            self._opaque.add(lifeline)
            return
        other = self._classes.setdefault(name, page.file)
        if other != page.file:
            text = f"expected each class once, got {name!r} of {other} again; keep one"
            page.find(("class",), text)
        if len(self._findings) == before:
            self.pages[name] = page

    def _fill(
        self, page: Page, lifeline: str, applied: tuple[str, ...], named: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Judge a class file, or a variant of one, and keep it when it is good."""
        before = len(page.findings)
        page = in_unit(Pack, with_duties(page, self._duties))
        fields, whole = partial(Pack, page)
        check_pack(fields, lifeline, page)
        if whole and len(page.findings) == before:
            here = Path(page.file).relative_to(self._folder).as_posix()
            tree = page.located
            lines = {rule: tree.position((rule,), key=True)[0] for rule in RULES if rule in fields}
            at = {rule: f"{here}:{line}" for rule, line in lines.items()}
            said = in_zone(with_calendar(fields, self._calendar), tree.data, self._zone)
            pack = Pack(**said, at=at, selectors=named, applied=applied)
            self._packs.append(in_time(pack, fields["period"]))
        return fields

    def _channels(self, folder: Path, lifeline: str) -> None:
        paths = [
            path for path in (folder / f"{CATALOGUE}{end}" for end in SUFFIXES) if path.exists()
        ]
        if len(paths) != 1:
            got = " and ".join(path.name for path in paths) or "none"
            text = f"expected one of {', '.join(CATALOGUE + end for end in SUFFIXES)}, got {got}"
            self._note(folder, f"{text}; keep one")
            return
        channels = read_channels(paths[0], self._called(paths[0]), self._findings)
        if channels is not None:
            classes = None if lifeline in self._opaque else frozenset(self._classes)
            check_channels(channels, lifeline, classes, self._findings)
            self.tables.append(channels)
