"""The configuration folder as one checked whole, and the bundle of it that governs lanes."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
from aiokafka.partitioner import murmur2

from app.fill import quantity_of, quantity_text
from app.findings import Findings
from app.loader import Loader
from app.overrides import applicable
from app.pack import ClassPack, Pack
from app.settings import Settings
from contracts.catalogue import SCHEMA, Catalogue
from contracts.errors import ConfigError

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
        By label, sorted: each class, and the variants that overrides make of it.
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
        loader = Loader(folder, os.environ if environment is None else environment, findings)
        found = loader.load()
        if found is None or findings.found:
            raise ConfigError(*findings.lines())
        settings, packs, table = found
        partitions = {name: settings.lifelines[name].partitions for name in settings.lifelines}
        catalogue = Catalogue(_canonical(table))
        return cls(settings, _by_label(packs), catalogue, dict(sorted(partitions.items())))

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
        found = cls(settings, _by_label(bundle.packs), Catalogue(table), bundle.partitions)
        vars(found)["_data"] = data  # what `bundle` gives; encoding it again takes a second
        return found

    def with_settings(self, settings: Settings) -> "Configuration":
        """The same rules and channels, run with other settings."""
        found = replace(self, settings=settings)
        kept = ("_data", "hash")
        vars(found).update({name: value for name, value in vars(self).items() if name in kept})
        return found

    @cached_property
    def _data(self) -> bytes:
        packs = [self.packs[name] for name in sorted(self.packs)]
        table = _canonical(self.catalogue.table)
        return _ENCODER.encode(_Bundle(BUNDLE_FORMAT, self.partitions, packs, _stream(table)))

    def labels(self, catalogue: Catalogue) -> list[str]:
        """Label of the pack that governs each channel, by row."""
        found = catalogue.classes()
        varied = {name for name in set(found) if self.packs[name].selectors}
        if not varied:
            return found
        for row, words in enumerate(catalogue.tags()):
            if (name := found[row]) in varied:
                named = self.packs[name].selectors
                found[row] = " ".join((name, *applicable(named, catalogue.ids[row], words)))
        return found

    def bundle(self) -> bytes:
        """Everything that governs a lane; equal bytes for equal content."""
        return self._data

    @cached_property
    def hash(self) -> str:
        """Name of the bundle: BLAKE2b of 8 bytes, 16 hex digits."""
        return hashlib.blake2b(self._data, digest_size=8).hexdigest()


def _by_label(packs: Iterable[ClassPack]) -> dict[str, ClassPack]:
    return {pack.label: pack for pack in sorted(packs, key=lambda pack: pack.label)}


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
