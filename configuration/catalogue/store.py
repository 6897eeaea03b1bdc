"""Channels of a lifeline as they are kept beside a bundle: by lane and id, ready to be mapped."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configuration.catalogue.columns import default
from configuration.catalogue.id_hashes import id_hashes
from contracts.catalogue import HASH, LINK, SCHEMA, WORD, Catalogue
from ingest.partitioner import home_lanes

DIGEST_BYTES: Final = 8


class Content(NamedTuple):
    """Bytes and the hash that they are kept under."""

    digest: str
    data: pa.Buffer


def lanes_of(catalogue: Catalogue, partitions: int) -> NDArray[np.int32]:
    """Home lane of every channel, shape (n,)."""
    groups, group_of = catalogue.codes("group")
    homes = home_lanes(pa.array(groups, pa.string()), partitions).astype(np.int32)
    lanes: NDArray[np.int32] = homes[group_of] if len(groups) else np.empty(0, np.int32)
    return lanes


def in_order(table: pa.Table, partitions: int) -> pa.Table:
    """Channels, which come by their ids, lane by lane."""
    lane_of = lanes_of(Catalogue(table), partitions)
    if (lane_of[1:] >= lane_of[:-1]).all():
        return table
    return table.take(pa.array(np.argsort(lane_of, kind="stable")))


def content(table: pa.Table) -> Content:
    """A file of the channels; the same bytes for the same channels in the same order.

    Rows are in fresh arrays of one chunk each, with zeros under nulls, and words stand in the order
    in which they are first used.
    """
    schema = (SCHEMA.append(LINK) if names_links(table) else SCHEMA).append(HASH)
    arrays = [_fresh(table, field) for field in schema]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    data = sink.getvalue()
    return Content(hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest(), data)


def names_links(table: pa.Table) -> bool:
    """Whether some channel says by which link it speaks."""
    return LINK.name in table.column_names and bool((Catalogue(table).links()[1] >= 0).any())


def one_table(tables: Sequence[pa.Table]) -> pa.Table:
    """Channels of several tables, of which only some may name links."""
    if any(LINK.name in table.column_names for table in tables):
        tables = [_with_links(table) for table in tables]
    return pa.concat_tables(tables)


def _with_links(table: pa.Table) -> pa.Table:
    if LINK.name in table.column_names:
        return table
    return table.add_column(len(SCHEMA), LINK, default(LINK.name, table.num_rows))


def _fresh(table: pa.Table, field: pa.Field) -> pa.Array:
    if field.name not in table.column_names:
        return pa.array(id_hashes(table.column("id")))
    column = table.column(field.name)
    if not len(column):
        return pa.array([], field.type)
    if field.type == WORD:
        return _in_use(column)
    whole = column.combine_chunks()
    if not field.nullable:
        return whole if whole.offset == 0 else pa.concat_arrays([whole])
    return pa.array(
        whole.fill_null(0.0).to_numpy(), field.type, mask=whole.is_null().to_numpy(False)
    )


def _in_use(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Words numbered in the order of their first use, without those that nobody uses."""
    whole = column.unify_dictionaries().combine_chunks()
    codes = pc.dictionary_encode(whole.indices)
    return pa.DictionaryArray.from_arrays(
        codes.indices.cast(pa.int32()), whole.dictionary.take(codes.dictionary)
    )


def opened(data: pa.Buffer) -> pa.Table:
    """Channels of a file, where they lie in it."""
    with pa.ipc.open_file(data) as reader:
        return reader.read_all()


def opened_stream(data: bytes) -> pa.Table:
    """Channels of a bundle of an earlier release, which had them inside."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def by_id(table: pa.Table) -> pa.Table:
    """Channels in the order of their ids; most files have them so."""
    ids = table.column("id")
    if not len(ids) or pc.all(pc.less(ids.slice(0, len(ids) - 1), ids.slice(1))).as_py():
        return table
    return table.take(pc.sort_indices(ids))
