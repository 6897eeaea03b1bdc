"""Checksums by the processor's instruction are those of the client library."""

import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.kafka import crc32c


@settings(deadline=None)  # the first example compiles
@given(st.binary(max_size=200), st.integers(0, 9))
def test_the_checksum_is_the_client_librarys(data: bytes, first: int) -> None:
    part = memoryview(data)[first:]
    assert crc32c.crc32c(part) == calc_crc32c(bytes(part))


def test_the_checksum_of_digits_is_the_one_of_the_standard() -> None:
    assert crc32c.crc32c(memoryview(b"123456789")) == 0xE3069283


def test_a_processor_that_cannot_be_asked_has_no_instruction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unasked() -> None:
        raise RuntimeError

    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", unasked)
    assert not crc32c._has("sse4.2")
