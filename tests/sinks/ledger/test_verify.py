"""Tampering of every sort, drawn at random: each is found, and named where it was done."""

import random
from collections.abc import Callable
from itertools import count
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.errors import Damaged
from sinks.ledger.entry import encode_bundle, encode_entry, split_bundle
from sinks.ledger.ledger import read_head
from sinks.ledger.merkle import leaf_hash
from sinks.ledger.note import Checkpoint, Signer
from sinks.ledger.prove import Prover
from sinks.ledger.verify import verify
from tests.testkit.ledger.store import ORIGIN, SIGNER, MemoryFiles, fed, records

pytestmark = pytest.mark.slow

TAMPERINGS: Final = 1_000
TOLD = records(300)  # a full tile, one that is not, and a level above

FORGER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))

# Changes a store, and says how a finding must begin that names the place.
Tampering = Callable[[random.Random, dict[str, bytes]], str]


@pytest.fixture(scope="module")
def sound() -> dict[str, bytes]:
    files = MemoryFiles()
    fed(files, TOLD, 50)
    assert list(verify(files, SIGNER.verifier)) == []
    return files.files


def first_of(bundle: str) -> int:
    return 256 * int(bundle.split("/")[2][:3])


def bundle_of(chance: random.Random, files: dict[str, bytes]) -> tuple[str, list[bytes], int]:
    """A bundle, its entries, and the number of the first."""
    name = chance.choice(sorted(name for name in files if "entries" in name))
    return name, split_bundle(files[name])[0], first_of(name)


def a_byte(chance: random.Random, files: dict[str, bytes]) -> str:
    name = chance.choice(sorted(files))
    data = bytearray(files[name])
    place = chance.randrange(len(data))
    data[place] ^= chance.randrange(1, 256)
    if "entries" not in name:
        files[name] = bytes(data)
        hash_ = f" hash {place // 32} at byte {place // 32 * 32}:" if "tile" in name else ""
        return f"{name}:{hash_}"
    entries, first = split_bundle(files[name])[0], first_of(name)
    files[name] = bytes(data)
    end = 0
    for i, entry in enumerate(entries):
        begin, end = end, end + 2 + len(entry)
        if place < begin + 2:
            return f"{name}: "  # of a length: all that follows is cut elsewhere
        if place < end:
            return f"{name}: entry {first + i} "
    raise AssertionError


def a_row(chance: random.Random, files: dict[str, bytes]) -> str:
    name, entries, first = bundle_of(chance, files)
    gone = chance.randrange(len(entries))
    del entries[gone]
    files[name] = encode_bundle(entries)
    return f"{name}: entry {first + gone} " if gone < len(entries) else f"{name}: expected"


def an_order(chance: random.Random, files: dict[str, bytes]) -> str:
    name, entries, first = bundle_of(chance, files)
    i, j = sorted(chance.sample(range(len(entries)), 2))
    entries[i], entries[j] = entries[j], entries[i]
    files[name] = encode_bundle(entries)
    return f"{name}: entry {first + i} "


def another_row(chance: random.Random, files: dict[str, bytes]) -> str:
    """A row written anew, and its tile too, so that these two agree."""
    name, entries, first = bundle_of(chance, files)
    i = chance.randrange(len(entries))
    hashes = name.replace("entries", "0")
    entries[i] = encode_entry(TOLD[first + i]._replace(value=b'{"verdict":"false"}'))
    files[name] = encode_bundle(entries)
    files[hashes] = b"".join(map(leaf_hash, entries))
    return hashes if first == 0 else "tile/1/000.p/1, tile/0/001.p/44: expected the root"


def a_cut(chance: random.Random, files: dict[str, bytes]) -> str:
    name = chance.choice(sorted(files))
    data = files[name][: chance.randrange(len(files[name]))]
    if chance.random() < 0.5 and not name.startswith("checkpoints/"):
        del files[name]
    else:
        files[name] = data
    return f"{name}: expected" if "tile/1" not in name else name


def a_checkpoint(chance: random.Random, files: dict[str, bytes]) -> str:
    name = chance.choice(sorted(name for name in files if "checkpoint" in name))
    size = chance.randrange(1, 700)
    forged = FORGER if chance.random() < 0.5 else SIGNER.named(f"{ORIGIN}/positions")
    files[name] = forged.signed(Checkpoint(ORIGIN, size, chance.randbytes(32)).text)
    return f"{name}: expected a signature"


KINDS: Final[tuple[Tampering, ...]] = (
    *(a_byte, a_byte, a_byte, a_row, an_order, another_row, a_cut, a_checkpoint),
)


def test_a_thousand_tamperings_are_found_and_named(sound: dict[str, bytes]) -> None:
    chance, done = random.Random(6962), {kind.__name__: 0 for kind in KINDS}
    for number in count():
        if sum(done.values()) == TAMPERINGS:
            break
        files = dict(sound)
        kind = KINDS[number % len(KINDS)]
        begin = kind(chance, files)
        if files == sound:
            continue
        found = list(verify(MemoryFiles(files), SIGNER.verifier))
        assert any(one.startswith(begin) for one in found), (kind.__name__, begin, found[:5])
        done[kind.__name__] += 1
    assert min(done.values()) > 100, done


def test_a_store_that_was_rolled_back_is_seen_by_a_checkpoint_in_other_hands() -> None:
    files = MemoryFiles()
    fed(files, TOLD[:200], 200)
    before = dict(files.files)
    fed(files, TOLD[200:], 100)
    held = files.files["checkpoint"]
    rolled_back = MemoryFiles(before)
    assert list(verify(rolled_back, SIGNER.verifier)) == []  # nothing in it says so
    with pytest.raises(Damaged, match="held: expected a ledger of at least 300 entries, got one"):
        Prover(rolled_back, SIGNER.verifier).consistency(held, "held")


def test_history_signed_anew_with_the_right_key_is_seen_by_a_checkpoint_in_other_hands() -> None:
    files, anew = MemoryFiles(), MemoryFiles()
    fed(files, TOLD[:200], 200)
    held = files.files["checkpoint"]
    forged = [TOLD[0]._replace(value=b'{"verdict":"false"}'), *TOLD[1:]]
    fed(anew, forged, 300)
    assert list(verify(anew, SIGNER.verifier)) == []
    with pytest.raises(Damaged, match="held: expected the first 200 entries to have the root"):
        Prover(anew, SIGNER.verifier).consistency(held, "held")


def test_kept_checkpoints_say_up_to_where_history_is_another() -> None:
    """Whoever writes the newest part anew, with the key, leaves or loses those of before."""
    files, anew = MemoryFiles(), MemoryFiles()
    told = records(600)
    fed(files, told, 100)
    forged = list(told)
    forged[400] = told[400]._replace(value=b"{}")
    fed(anew, forged, 600)
    kept = {n: d for n, d in files.files.items() if n.startswith("checkpoints/")}
    assert sorted(kept) == ["checkpoints/200", "checkpoints/500"]
    found = list(verify(MemoryFiles({**anew.files, **kept}), SIGNER.verifier))
    assert len(found) == 1
    assert found[0].startswith("checkpoints/500: expected the first 500 entries to have the root")


def test_a_record_that_was_signed_twice_is_named() -> None:
    files = MemoryFiles()
    fed(files, [*TOLD[:5], TOLD[0]], 6)
    found = list(verify(files, SIGNER.verifier))
    assert any("entry 5" in one and "its writer has signed it twice" in one for one in found)


def test_an_empty_place_is_no_ledger() -> None:
    assert read_head(MemoryFiles(), SIGNER.verifier) is None
    assert list(verify(MemoryFiles(), SIGNER.verifier)) == [
        "checkpoint: expected a signed checkpoint, got no file"
    ]
