"""Home lanes over Arrow buffers against the client's own partitioner, one key at a time."""

import pyarrow as pa
import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.partitioner import home_lane, home_lanes

pytestmark = pytest.mark.slow


@settings(deadline=None)  # the first call loads a kernel
@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 1024), st.booleans())
def test_every_group_lives_where_kafka_puts_its_key(
    groups: list[str], partitions: int, large: bool
) -> None:
    groups = [group for group in groups if group.isprintable()]
    array = pa.array(["before", *groups], pa.large_string() if large else pa.string()).slice(1)
    plain = [int(murmur2(group.encode()) & 0x7FFFFFFF) % partitions for group in groups]
    assert home_lanes(array, partitions).tolist() == plain
    assert plain == [home_lane(group, partitions) for group in groups]
