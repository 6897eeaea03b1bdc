"""Proofs under the eyes of another make: the libraries of Go's transparency logs."""

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from runtime.installation import HOME
from sinks.ledger.prove import (
    ConsistencyProof,
    InclusionProof,
    Prover,
    is_extended,
    is_included,
)
from tests.testkit.ledger.store import SIGNER, MemoryFiles, fed, records

SOURCE = HOME / "tests" / "testkit" / "ledger"
BUILD_S = 200.0
USUAL_PLACE = "/usr/local/go/bin"
SIZES = (1, 2, 3, 7, 255, 256, 257, 300, 511, 700)

Proof = InclusionProof | ConsistencyProof


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built; skipped where there is no Go, or its modules cannot be had."""
    go = shutil.which("go", path=f"{os.environ.get('PATH', '')}{os.pathsep}{USUAL_PLACE}")
    if go is None:
        pytest.skip("expected `go` on the path, to check proofs with another implementation")
    there = tmp_path_factory.mktemp("ledgercheck") / "ledgercheck"
    download = subprocess.run([go, "mod", "download"], cwd=SOURCE, capture_output=True, check=False)
    if download.returncode:
        pytest.skip(f"expected the modules of the Go proxy, got {download.stderr[-200:]!r}")
    build = [go, "build", "-mod=readonly", "-o", str(there), "."]
    subprocess.run(build, cwd=SOURCE, check=True, timeout=BUILD_S)
    return there


def judged(checker: Path, proofs: Sequence[Proof]) -> list[str]:
    lines = b"\n".join(msgspec.json.encode(one) for one in proofs)
    done = subprocess.run([checker], input=lines, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().splitlines()


def all_proofs() -> list[Proof]:
    """Of entries of trees of many sizes, and of their growth."""
    told, files, begin = records(SIZES[-1]), MemoryFiles(), 0
    proofs: list[Proof] = []
    notes: list[bytes] = []
    for size in SIZES:
        fed(files, told[begin:size], size)
        begin = size
        prover = Prover(files, SIGNER.verifier)
        entries = dict(prover.entries())
        wanted = {0, size // 2, size - 1, *(index for index in (254, 255, 256) if index < size)}
        proofs += [prover.inclusion(index, entries[index]) for index in sorted(wanted)]
        notes.append(files.files["checkpoint"])
        proofs += [prover.consistency(note, "held") for note in notes]
    return proofs


def changed(proof: Proof, chance: random.Random) -> Proof:
    """The proof with one bit of its path, or else of its place, turned."""
    if proof.path:
        step = chance.randrange(len(proof.path))
        letters = list(proof.path[step])
        place = chance.randrange(42)
        letters[place] = "A" if letters[place] != "A" else "B"
        path = [*proof.path[:step], "".join(letters), *proof.path[step + 1 :]]
        return msgspec.structs.replace(proof, path=path)
    if isinstance(proof, InclusionProof):
        return msgspec.structs.replace(proof, index=proof.index + 1)
    return msgspec.structs.replace(proof, path=["A" * 43 + "="])


def holds(proof: Proof) -> bool:
    if isinstance(proof, InclusionProof):
        return is_included(proof, SIGNER.verifier)
    return is_extended(proof, SIGNER.verifier)


def test_proofs_hold_and_changed_ones_do_not() -> None:
    chance, proofs = random.Random(9162), all_proofs()
    assert len(proofs) > 90
    assert all(map(holds, proofs))
    assert not any(holds(changed(proof, chance)) for proof in proofs)


@pytest.mark.slow
def test_another_implementation_says_the_same(checker: Path) -> None:
    chance, proofs = random.Random(9162), all_proofs()
    assert judged(checker, proofs) == ["holds"] * len(proofs)
    forged = [changed(proof, chance) for proof in proofs]
    assert all(line.startswith("refused: ") for line in judged(checker, forged))
