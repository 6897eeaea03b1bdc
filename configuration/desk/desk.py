"""What governs the desk stage: topology, desks and answers, as one checked whole with a hash."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import msgspec

from alarms.desk import AlarmDesk, DeskParts
from alarms.duty.coverage import Inventory, Zone
from alarms.duty.duty import Duty
from alarms.incidents.grouping import Incidents
from alarms.incidents.topology import NO_TOPOLOGY, Topology
from alarms.lifecycle.alarm_state import AlarmAnswers
from alarms.lifecycle.maintenance import WorkOrders
from alarms.lifecycle.tickets import Tickets
from configuration.configuration import Configuration
from configuration.desk import duty as duty_files
from configuration.desk import topology as topology_files
from configuration.desk.answers import FILE as ANSWERS
from configuration.desk.answers import Answers, read_answers
from configuration.desk.duty import DutyFolder, read_duty
from configuration.desk.inventory import inventory_of
from configuration.desk.topology import read_topology
from configuration.yaml.findings import Findings
from configuration.yaml.source import read_regular
from contracts.civil_time import civil_zone
from contracts.errors import ConfigError

_PARTS: Final = (
    ANSWERS,
    *(f"{topology_files.FOLDER}/{name}" for name in (topology_files.NODES, topology_files.EDGES)),
    f"{topology_files.FOLDER}/{topology_files.KINDS}",
    f"{duty_files.FOLDER}/*.y*ml",
)


class _Bundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """The files as they were, and what of the other settings governs the desk.

    Those of earlier releases know of no channels.
    """

    files: dict[str, bytes]
    zone: str
    lifelines: list[str]
    channels: list[tuple[Zone, int]] = []
    lanes: dict[str, int] = {}
    links: list[tuple[str, int]] = []


@dataclass(frozen=True)
class DeskConfiguration:
    """A good one; an installation that has laid down nothing has one, too.

    Parameters
    ----------
    files : mapping of str to bytes
        By path within the configuration folder.
    zone : str
        IANA name of the city's time zone.
    lifelines : tuple of str
    topology : Topology
    duty : DutyFolder
    answers : Answers
    inventory : Inventory
        Channels to be watched.
    """

    files: Mapping[str, bytes]
    zone: str
    lifelines: tuple[str, ...]
    topology: Topology
    duty: DutyFolder
    answers: Answers
    inventory: Inventory

    @classmethod
    def load(cls, folder: Path, configuration: Configuration) -> Self:
        """That of a folder.

        Raises
        ------
        ConfigError
            With every finding in every file.
        """
        inventory = inventory_of(configuration)
        return cls._read(folder, configuration.zone, sorted(configuration.partitions), inventory)

    @classmethod
    def from_bundle(cls, bundle: bytes) -> Self:
        """That from which `bundle` was made, by another process or an earlier one."""
        held = msgspec.msgpack.decode(bundle, type=_Bundle)
        with TemporaryDirectory(prefix="tocsin-desk-") as place:
            for name, content in held.files.items():
                path = Path(place) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            inventory = Inventory(dict(held.channels), held.lanes, dict(held.links))
            return cls._read(Path(place), held.zone, held.lifelines, inventory)

    @classmethod
    def _read(cls, folder: Path, zone: str, lifelines: Iterable[str], inventory: Inventory) -> Self:
        findings, names = Findings(), tuple(lifelines)
        # Names of classes are judged with the packs, which need not be here.
        topology = read_topology(
            folder / topology_files.FOLDER, lambda path: path.as_posix(), (), findings
        )
        duty = read_duty(folder, civil_zone(zone), names, findings)
        answers = read_answers(folder, findings)
        if findings.found or duty is None or answers is None:
            raise ConfigError(*findings.lines())
        paths = sorted({path for part in _PARTS for path in folder.glob(part)})
        files = {
            path.relative_to(folder).as_posix(): read_regular(path, topology_files.TABLE_BYTES_MAX)
            for path in paths
        }
        return cls(files, zone, names, topology or NO_TOPOLOGY, duty, answers, inventory)

    @cached_property
    def hash(self) -> str:
        """Of everything that governs the desk, 16 hex digits."""
        return hashlib.blake2b(self.bundle(), digest_size=8).hexdigest()

    def bundle(self) -> bytes:
        """All of it, for those who must go on under it later."""
        held = _Bundle(
            dict(sorted(self.files.items())),
            self.zone,
            list(self.lifelines),
            sorted(self.inventory.channels.items()),
            dict(sorted(self.inventory.lanes.items())),
            sorted(self.inventory.links.items()),
        )
        return msgspec.msgpack.encode(held)

    def desk(self) -> AlarmDesk:
        """A new desk that it governs."""
        zone = civil_zone(self.zone)
        return AlarmDesk(
            DeskParts(
                config=self.hash,
                zone=zone,
                lifelines=self.lifelines,
                incidents=Incidents(self.topology, zone, self.inventory.links),
                answers=AlarmAnswers(self.answers.alarms, zone),
                tickets=Tickets(self.answers.tickets, zone),
                orders=WorkOrders(),
                duty=Duty(replace(self.duty.plan, inventory=self.inventory)),
            )
        )
