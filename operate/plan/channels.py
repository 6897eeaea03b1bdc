"""The channels that are planned for, under the rules of a configuration folder."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configuration.catalogue.check import check_channels, check_ids
from configuration.catalogue.read import SUFFIXES, TOLD_MAX, ChannelTable, read_channels
from configuration.catalogue.store import by_id
from configuration.configuration import Configuration
from configuration.yaml.findings import Findings
from contracts.catalogue import HASH, Catalogue
from contracts.errors import ConfigError


def planned(catalogue: Path, folder: Path) -> Configuration:
    """The rules of a folder over the channels of a file.

    Parameters
    ----------
    catalogue : Path
        Channels of any of the lifelines, in the columns of a lifeline's catalogue.
    folder : Path
        Configuration folder; its own catalogues are left aside.

    Raises
    ------
    ConfigError
        With every finding in the folder, or in the file.
    """
    configuration = Configuration.load(folder)
    findings = Findings()
    if catalogue.suffix not in SUFFIXES or not catalogue.is_file():
        msg = f"{catalogue}: expected a catalogue ({', '.join(SUFFIXES)}), got none; name another"
        raise ConfigError(msg)
    channels = read_channels(catalogue, catalogue.as_posix(), findings)
    table = None if channels is None else _checked(channels, configuration, findings)
    if table is None or findings.found:
        raise ConfigError(*findings.lines())
    if not len(table):
        msg = f"{catalogue}: expected channels, got none; add a row for each"
        raise ConfigError(msg)
    whole = configuration.with_channels(Catalogue(by_id(table)))
    _check_overrides(whole, catalogue)
    return whole


def _checked(channels: ChannelTable, configuration: Configuration, findings: Findings) -> pa.Table:
    """The channels with the hashes of their ids; rows that no lifeline could use are noted."""
    classes = frozenset(pack.class_name for pack in configuration.packs.values())
    owner = pc.list_element(pc.split_pattern(channels.table["class"].cast(pa.string()), "."), 0)
    known = pc.is_in(owner, pa.array(list(configuration.partitions), pa.string()))
    for lifeline in configuration.partitions:
        part = _part(channels, pc.equal(owner, lifeline))
        check_channels(part, lifeline, classes, findings)
    strangers = _part(channels, pc.invert(known))
    names = ", ".join(configuration.partitions)
    for row, cell in enumerate(strangers.table["class"][:TOLD_MAX].to_pylist()):
        text = f"expected a class of a lifeline ({names}), got {cell!r}; correct it"
        findings.add(channels.file, strangers.spot(row), "class", text)
    hashes = check_ids([channels], findings)[0]
    return channels.table.append_column(HASH, pa.array(hashes))


def _part(channels: ChannelTable, which: pa.ChunkedArray) -> ChannelTable:
    """Some rows of a file, which know where they stand in it."""
    places: NDArray[np.intp] = np.flatnonzero(which.to_numpy())
    return ChannelTable(
        channels.file,
        channels.table.filter(which),
        lambda row: channels.spot(int(places[row])),
    )


def _check_overrides(whole: Configuration, catalogue: Path) -> None:
    """Variants of a class are made for the channels of the folder; others are not known."""
    for lifeline, channels in whole.catalogues.items():
        labels, label_of = whole.labels(channels)
        for i in np.unique(label_of).tolist():
            if labels[i] not in whole.packs:
                name, _, chosen = labels[i].partition(" ")
                msg = (
                    f"{catalogue}: expected channels of {name} with overrides that a channel of "
                    f"the folder has too, got {chosen}; add one to the catalogue of {lifeline}"
                )
                raise ConfigError(msg)
