"""Fuzzed messages by the million: read in place or in full, they give the same."""

import random
import time
from itertools import pairwise

import numpy as np
import pytest

from tests.ingest.arrow.test_scan import compare_mutants
from tests.ingest.json.test_scan import plain_messages, records_of, same
from tests.testkit.soak import allowed_s

SECONDS = allowed_s()
ROUND = 5_000
SPLICES = [
    b"0",
    b"e5",
    b"-",
    b".",
    b'"',
    b"\\",
    b",",
    b"{",
    b"]",
    b"null",
    b" ",
    b"\x01",
    b"\xff",
    b"",
]


def spoiled(chance: random.Random, message: bytes) -> bytes:
    """A message with up to three places changed."""
    found = bytearray(message)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(found))
        found[at : at + chance.randrange(3)] = chance.choice(SPLICES)
    return bytes(found)


def json_round(chance: random.Random) -> list[bytes | None]:
    """Spoiled readings and arrays of some."""
    plain = plain_messages(chance, ROUND)
    single: list[bytes | None] = [spoiled(chance, message) for message in plain[: ROUND // 2]]
    rest = plain[ROUND // 2 :]
    cuts = sorted({0, len(rest), *chance.sample(range(len(rest)), len(rest) // 8)})
    arrays = [b"[%s]" % b", ".join(rest[a:b]) for a, b in pairwise(cuts)]
    return single + [spoiled(chance, array) for array in arrays]


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_fuzzed_messages_of_all_kinds_are_read_alike() -> None:
    seed = int(np.random.default_rng().integers(2**31))
    chance, ended = random.Random(seed), time.monotonic() + SECONDS
    messages = read = rounds = 0
    with pytest.MonkeyPatch.context() as monkeypatch:
        while time.monotonic() < ended:
            payloads = json_round(chance)
            read += same(records_of(payloads), monkeypatch)
            in_place, _ = compare_mutants(f"{seed}-{rounds}", 100)
            messages, read, rounds = messages + len(payloads) + 100, read + in_place, rounds + 1
    print(f"seed {seed}: {messages:,} messages, {read:,} of them read in place")  # noqa: T201
    assert 0.1 * messages < read < messages, f"seed {seed}: idle"
