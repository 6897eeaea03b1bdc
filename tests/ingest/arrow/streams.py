"""Arrow streams to decode, right and wrong."""

import pyarrow as pa

UTC = pa.timestamp("ms", "UTC")


def table(**changes: pa.Array | None) -> pa.Table:
    columns = {
        "channel": pa.array(["a", "b", "c"]),
        "time": pa.array([1000, 2000, 3000], UTC),
        "value": pa.array([1.0, None, 3.0]),
        "quality": pa.array([0, 1, 2], pa.uint8()),
    } | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


def stream(readings: pa.Table, rows: int = 1000, codec: str | None = None) -> bytes:
    """A table as an IPC stream of batches with so many rows."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec, emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, readings.schema, options=options) as writer:
        writer.write_table(readings, max_chunksize=rows)
    return bytes(sink.getvalue())


def dictionary(ids: list[str | None], index: pa.DataType, values: pa.DataType) -> pa.Array:
    return pa.array(ids).dictionary_encode().cast(pa.dictionary(index, values))
