"""The configuration folder as one checked whole, and the bundle of it that governs lanes."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timezone
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alarms.incidents.topology import NO_TOPOLOGY, Topology
from configuration.catalogue.store import (
    Content,
    by_id,
    content,
    in_order,
    one_table,
    opened,
    opened_stream,
)
from configuration.loader import Loader
from configuration.pack import ClassPack, Pack
from configuration.settings import Settings
from configuration.yaml.fill import quantity_of, quantity_text
from configuration.yaml.findings import Findings
from configuration.yaml.overrides import applied
from contracts.catalogue import Catalogue
from contracts.civil_time import CITY_ZONE, civil_zone
from contracts.errors import ConfigError

ZONED_FORMAT: Final = 3  # with a time zone that is not the default
BUNDLE_FORMAT: Final = 2
FORMER_FORMAT: Final = 1  # with the channels of all lifelines inside


class _Head(msgspec.Struct, frozen=True, array_like=True):
    format: int


class _Bundle(_Head, frozen=True, array_like=True):
    """Catalogues lie beside it, under the hashes of their content, by lifeline."""

    partitions: dict[str, int]
    packs: list[Pack]
    catalogues: dict[str, str]


class _Zoned(_Bundle, frozen=True, array_like=True):
    """Of a city that keeps another time; the default is left out, so old hashes stay."""

    zone: str = CITY_ZONE


class _Former(_Head, frozen=True, array_like=True):
    partitions: dict[str, int]
    packs: list[Pack]
    catalogue: bytes


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=quantity_text, order="deterministic")

H = TypeVar("H", bound=_Head)
# What is kept under the hash of its content.
Read = Callable[[str], pa.Buffer]


def _decoded(data: bytes, kind: type[H]) -> H:
    return msgspec.msgpack.decode(data, type=kind, dec_hook=quantity_of)


class Encoded(NamedTuple):
    """What a configuration was read from, or was encoded to: to encode a city takes seconds."""

    contents: dict[str, Content] | None = None
    data: bytes | None = None


@dataclass(frozen=True)
class Configuration:
    """What a worker runs by.

    Parameters
    ----------
    settings : Settings
        The worker's own; not part of the bundle.
    packs : dict of str to ClassPack
        By label, sorted: each class, and the variants that overrides make of it.
    catalogues : mapping of str to Catalogue
        Channels of each lifeline, by their lanes, those of a lane by their ids.
    partitions : dict of str to int
        Lanes of each lifeline, sorted.
    zone : str
        IANA name of the city's time zone, which `contracts.civil_time.civil_zone` accepts.
    encoded : Encoded
        The same as bytes, as far as they are known.
    topology : Topology
        What depends on what, for incidents; it governs no lane and is not part of the bundle.
    """

    settings: Settings
    packs: dict[str, ClassPack]
    catalogues: Mapping[str, Catalogue]
    partitions: dict[str, int]
    zone: str = CITY_ZONE
    encoded: Encoded = field(default=Encoded(), repr=False, compare=False)
    topology: Topology = field(default=NO_TOPOLOGY, repr=False, compare=False)

    @property
    def civil_time(self) -> timezone:
        """The city's time zone, a fixed offset."""
        return civil_zone(self.zone)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Channels of all lifelines by their ids: for looking at, not for running lanes by."""
        return Catalogue(by_id(one_table([c.table for c in self.catalogues.values()])))

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
        settings, packs, tables = found
        topology = loader.topology or NO_TOPOLOGY
        del loader, found  # each table goes when it is kept: two of a whole city are ten gigabytes
        partitions = {name: settings.lifelines[name].partitions for name in settings.lifelines}
        partitions = dict(sorted(partitions.items()))
        made = cls(settings, _by_label(packs), {}, partitions, settings.zone, topology=topology)
        return made.over(tables)

    @classmethod
    def from_bundle(
        cls, data: bytes, settings: Settings, read: Read, lifelines: Collection[str] | None = None
    ) -> "Configuration":
        """Configuration that a bundle holds, run with this worker's settings.

        Parameters
        ----------
        data : bytes
        settings : Settings
        read : callable
            What is kept beside the bundle, by the hash of its content.
        lifelines : collection of str, optional
            Those whose channels are wanted; all by default.

        Raises
        ------
        ConfigError
            When the bytes are no bundle of this version.
        """
        try:
            number = _decoded(data, _Head).format
            if number == FORMER_FORMAT:
                return cls._former(data, settings)
            if number in {BUNDLE_FORMAT, ZONED_FORMAT}:
                return cls._kept(data, settings, read, lifelines)
        except (msgspec.MsgspecError, pa.ArrowException, ValueError) as error:
            msg = f"bundle: expected a configuration bundle, got an error: {error}; load it again"
            raise ConfigError(msg) from error
        msg = (
            f"bundle: expected format {BUNDLE_FORMAT}, got {number}; run the version that wrote it"
        )
        raise ConfigError(msg)

    @classmethod
    def _kept(
        cls, data: bytes, settings: Settings, read: Read, lifelines: Collection[str] | None
    ) -> "Configuration":
        bundle = _decoded(data, _Zoned)
        civil_zone(bundle.zone)
        wanted = {
            name: Content(digest, read(digest))
            for name, digest in bundle.catalogues.items()
            if lifelines is None or name in lifelines
        }
        catalogues = {name: Catalogue(opened(kept.data)) for name, kept in wanted.items()}
        packs, encoded = _by_label(bundle.packs), Encoded(wanted, data)
        return cls(settings, packs, catalogues, bundle.partitions, bundle.zone, encoded)

    @classmethod
    def _former(cls, data: bytes, settings: Settings) -> "Configuration":
        """Configuration of a bundle that an earlier release wrote, under its own hash."""
        bundle = _decoded(data, _Former)
        whole = Catalogue(opened_stream(bundle.catalogue))
        found = cls(settings, _by_label(bundle.packs), {}, bundle.partitions).with_channels(whole)
        return replace(found, encoded=found.encoded._replace(data=data))

    def over(self, tables: dict[str, pa.Table]) -> "Configuration":
        """The same rules over other channels, given by lifeline and id, and taken from there."""
        kept = {}
        for name in list(tables):
            kept[name] = content(in_order(tables.pop(name), self.partitions[name]))
        catalogues = {name: Catalogue(opened(found.data)) for name, found in kept.items()}
        return replace(self, catalogues=catalogues, encoded=Encoded(kept))

    def with_channels(self, catalogue: Catalogue) -> "Configuration":
        """The same rules over other channels, those of all lifelines by their ids."""
        classes, class_of = catalogue.codes("class")
        owners = [name.split(".", 1)[0] for name in classes]
        tables = {}
        for lifeline in self.partitions:
            mine = np.array([owner == lifeline for owner in owners], np.bool_)
            keep = mine[class_of] if len(class_of) else np.empty(0, np.bool_)
            tables[lifeline] = catalogue.take(keep).table
        return self.over(tables)

    def watching(self, catalogue: Catalogue) -> "Configuration":
        """The same configuration, by its hash too, of which only some channels are there."""
        found = self.with_channels(catalogue)
        return replace(found, encoded=Encoded(found.encoded.contents, self._data))

    def with_settings(self, settings: Settings) -> "Configuration":
        """The same rules and channels, run with other settings."""
        encoded = Encoded(self._contents, self._data)
        return replace(self, settings=settings, encoded=encoded)

    @cached_property
    def _contents(self) -> dict[str, Content]:
        if self.encoded.contents is not None:
            return self.encoded.contents
        return {name: content(catalogue.table) for name, catalogue in self.catalogues.items()}

    @cached_property
    def _data(self) -> bytes:
        if self.encoded.data is not None:
            return self.encoded.data
        packs = [self.packs[name] for name in sorted(self.packs)]
        digests = {name: kept.digest for name, kept in self._contents.items()}
        if self.zone == CITY_ZONE:
            return _ENCODER.encode(_Bundle(BUNDLE_FORMAT, self.partitions, packs, digests))
        return _ENCODER.encode(_Zoned(ZONED_FORMAT, self.partitions, packs, digests, self.zone))

    def labels(self, catalogue: Catalogue) -> tuple[list[str], NDArray[np.int32]]:
        """Labels of the packs that govern channels, and the place among them of each channel's."""
        named = {p.class_name: p.selectors for p in self.packs.values() if not p.applied}
        kinds, which = applied(catalogue, named)
        return [" ".join((name, *chosen)) for name, chosen in kinds], which

    def bundle(self) -> bytes:
        """What governs a lane, with the names of its `contents`; equal bytes for equal content."""
        return self._data

    def contents(self) -> dict[str, pa.Buffer]:
        """What must be kept beside the bundle, by the hash of its content."""
        return {kept.digest: kept.data for kept in self._contents.values()}

    @cached_property
    def hash(self) -> str:
        """Name of the bundle: BLAKE2b of 8 bytes, 16 hex digits."""
        return hashlib.blake2b(self._data, digest_size=8).hexdigest()


def _by_label(packs: Iterable[ClassPack]) -> dict[str, ClassPack]:
    return {pack.label: pack for pack in sorted(packs, key=lambda pack: pack.label)}
