"""The configuration folder as one checked whole, and the bundle of it that governs lanes."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
from aiokafka.partitioner import murmur2

from app.channel_judge import judge, judge_ids
from app.channel_table import SUFFIXES, ChannelTable, read_channels
from app.fill import Page, partial, quantity_of, quantity_text
from app.findings import NOWHERE, Findings
from app.located import BYTES_MAX, Located, located
from app.pack import RULES, ClassPack, Pack, in_time
from app.pack_judge import judge_pack
from app.settings import Settings, read_settings
from contracts.catalogue import SCHEMA, Catalogue
from contracts.errors import ConfigError

SETTINGS_FILE: Final = "tocsin.yaml"
CATALOGUE: Final = "catalogue"
BUNDLE_FORMAT: Final = 1


def home_lane(group: str, partitions: int) -> int:
    """Partition where a group lives: what Kafka's own default partitioner gives for its key.

    >>> home_lane("water.dma-0417", 4)
    0
    """
    return int(murmur2(group.encode()) & 0x7FFFFFFF) % partitions


class _Bundle(msgspec.Struct, frozen=True, array_like=True):
    format: int
    partitions: dict[str, int]
    packs: list[Pack]
    catalogue: bytes


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=quantity_text, order="deterministic")
_DECODER: Final = msgspec.msgpack.Decoder(_Bundle, dec_hook=quantity_of)


@dataclass(frozen=True)
class Configuration:
    """What a worker runs by.

    Parameters
    ----------
    settings : Settings
        The worker's own; not part of the bundle.
    packs : dict of str to ClassPack
        By class, sorted.
    catalogue : Catalogue
        Channels of all lifelines, sorted by id.
    partitions : dict of str to int
        Lanes of each lifeline, sorted.
    """

    settings: Settings
    packs: dict[str, ClassPack]
    catalogue: Catalogue
    partitions: dict[str, int]

    @classmethod
    def load(cls, folder: Path, environment: Mapping[str, str] | None = None) -> "Configuration":
        """Configuration from its folder.

        Parameters
        ----------
        folder : Path
            Holds `tocsin.yaml`, and a folder with packs and a catalogue for each lifeline.
        environment : mapping, optional
            Variables for `${env:NAME}`; those of the process by default.

        Raises
        ------
        ConfigError
            With every finding in every file.
        """
        findings = Findings()
        loader = _Loader(folder, os.environ if environment is None else environment, findings)
        configuration = loader.load()
        if configuration is None or findings.found:
            raise ConfigError(*findings.lines())
        return configuration

    @classmethod
    def from_bundle(cls, data: bytes, settings: Settings) -> "Configuration":
        """Configuration that a bundle holds, run with this worker's settings.

        Raises
        ------
        ConfigError
            When the bytes are no bundle of this version.
        """
        try:
            bundle = _DECODER.decode(data)
            with pa.ipc.open_stream(bundle.catalogue) as reader:
                table = reader.read_all()
        except (msgspec.MsgspecError, pa.ArrowException, ValueError) as error:
            msg = f"bundle: expected a configuration bundle, got an error: {error}; load it again"
            raise ConfigError(msg) from error
        if bundle.format != BUNDLE_FORMAT:
            msg = (
                f"bundle: expected format {BUNDLE_FORMAT}, got {bundle.format}; "
                "run the version that wrote it"
            )
            raise ConfigError(msg)
        packs = {pack.class_name: pack for pack in bundle.packs}
        return cls(settings, packs, Catalogue(table), bundle.partitions)

    @cached_property
    def _data(self) -> bytes:
        packs = [self.packs[name] for name in sorted(self.packs)]
        table = _canonical(self.catalogue.table)
        return _ENCODER.encode(_Bundle(BUNDLE_FORMAT, self.partitions, packs, _stream(table)))

    def bundle(self) -> bytes:
        """Everything that governs a lane; equal bytes for equal content."""
        return self._data

    @cached_property
    def hash(self) -> str:
        """Name of the bundle: BLAKE2b of 8 bytes, 16 hex digits."""
        return hashlib.blake2b(self._data, digest_size=8).hexdigest()


def _canonical(table: pa.Table) -> pa.Table:
    """Rows by id in fresh arrays: one chunk, no slices, zeros under nulls."""
    table = table.sort_by("id").combine_chunks()
    columns = [table.column(field.name) for field in SCHEMA]
    for i, field in enumerate(SCHEMA):
        if field.nullable:
            missing = columns[i].is_null().to_numpy()
            columns[i] = pa.array(columns[i].fill_null(0.0).to_numpy(), field.type, mask=missing)
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _holds_packs(path: Path) -> bool:
    return path.is_dir() and any(path.glob("*.yaml"))


class _Loader:
    """Reads one folder; findings pile up."""

    def __init__(self, folder: Path, environment: Mapping[str, str], findings: Findings) -> None:
        self._folder = folder
        self._environment = environment
        self._findings = findings
        self._packs: dict[str, ClassPack] = {}
        self._classes: dict[str, str] = {}  # class to file, whether the pack was good or not
        self._opaque: set[str] = set()  # lifelines with a pack whose class could not be read
        self._tables: list[ChannelTable] = []

    def load(self) -> Configuration | None:
        """Everything, None when something stood in the way."""
        if not self._folder.is_dir():
            self._note(self._folder, "expected a configuration folder, got none; name another")
            return None
        settings = self._settings()
        there = [path.name for path in self._folder.iterdir() if _holds_packs(path)]
        if settings is not None:
            self._strangers(there, settings)
        for lifeline in sorted(there if settings is None else settings.lifelines):
            self._lifeline(lifeline)
        judge_ids(self._tables, self._findings)
        if settings is None or self._findings.found:
            return None
        partitions = {name: settings.lifelines[name].partitions for name in settings.lifelines}
        packs = {name: self._packs[name] for name in sorted(self._packs)}
        table = pa.concat_tables([channels.table for channels in self._tables])
        catalogue = Catalogue(_canonical(table))
        return Configuration(settings, packs, catalogue, dict(sorted(partitions.items())))

    def _called(self, path: Path) -> str:
        return path.as_posix()

    def _note(self, path: Path, text: str) -> None:
        self._findings.add(self._called(path), NOWHERE, "", text)

    def _tree(self, path: Path) -> Located | None:
        try:
            with path.open("rb") as file:
                source = file.read(BYTES_MAX + 1)
        except OSError as error:
            self._note(path, f"expected a file, got an error: {error.strerror}; make it readable")
            return None
        return located(self._called(path), source, self._findings)

    def _settings(self) -> Settings | None:
        path = self._folder / SETTINGS_FILE
        tree = self._tree(path)
        if tree is None:
            return None
        return read_settings(self._called(path), tree, self._environment, self._findings)

    def _strangers(self, there: list[str], settings: Settings) -> None:
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
            elif path.suffix == ".yaml" and path.stem != CATALOGUE:
                self._pack(path, lifeline)
        self._channels(folder, lifeline)

    def _pack(self, path: Path, lifeline: str) -> None:
        tree = self._tree(path)
        if tree is None:
            self._opaque.add(lifeline)
            return
        before = len(self._findings)
        page = Page(self._called(path), tree, self._findings)
        fields, whole = partial(Pack, page)
        judge_pack(fields, lifeline, page)
        name = fields.get("class_name")
        if name is None or not name.startswith(f"{lifeline}."):
            self._opaque.add(lifeline)
        else:
            other = self._classes.setdefault(name, page.file)
            if other != page.file:
                page.find(
                    ("class",), f"expected each class once, got {name!r} of {other} again; keep one"
                )
        if whole and len(self._findings) == before:
            here = path.relative_to(self._folder).as_posix()
            lines = {rule: tree.position((rule,), key=True)[0] for rule in RULES if rule in fields}
            at = {rule: f"{here}:{line}" for rule, line in lines.items()}
            pack = in_time(Pack(**fields, at=at), fields["period"])
            self._packs[pack.class_name] = pack

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
            judge(channels, lifeline, classes, self._findings)
            self._tables.append(channels)
