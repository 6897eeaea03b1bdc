"""Kernels that were compiled for an image are found by workers, which write and compile nothing."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ConfigError
from runtime import kernel_cache
from runtime.kernel_cache import SHIPPED, TARGET, VARIABLE, Target
from tests.testkit.config_folder import folder_with
from tests.tidy import ROOT

NUMBA = (VARIABLE, "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_CACHE_LOCATOR_CLASSES")


def tocsin(*words: str, **environment: str) -> str:
    """Output of a command of its own process, errors last."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", "from app.cli.main import main; raise SystemExit(main())", *words],
        cwd=ROOT,
        env={**mine, "PYTHONPATH": str(ROOT), "NUMBA_DEBUG_CACHE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def contents(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def readings(place: Path) -> Path:
    """A channel that rings."""
    lines = [
        {"channel": "water.a.p", "time": 1_772_409_600_000 + 60_000 * i, "value": value}
        for i, value in enumerate([0.3] * 20 + [0.01] * 20)
    ]
    sent = place / "day.jsonl"
    sent.write_bytes(b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n")
    return sent


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_worker_of_a_read_only_image_compiles_nothing(tmp_path: Path) -> None:
    configs = folder_with(tmp_path / "configs", {})
    kernels, nowhere = tmp_path / "kernels", tmp_path / "nobody-writes-here"
    said = tocsin(
        *("compile", "--configs", str(configs), "--into", str(kernels), "--cpu", "generic"),
        XDG_CACHE_HOME=str(nowhere),
    )
    assert "data saved" in said
    assert "kernels for generic; set TOCSIN_KERNELS to use them" in said
    before, sent = contents(tmp_path), readings(tmp_path / "configs")
    shipped = {SHIPPED: str(kernels), "XDG_CACHE_HOME": str(nowhere)}
    said = tocsin("replay", str(sent), "--configs", str(configs), **shipped)
    sent.unlink()
    assert said.count("data loaded") > 3, "idle: no kernel was needed"
    assert "saved" not in said
    assert {**contents(tmp_path), str(configs): 0} == {**before, str(configs): 0}
    assert not nowhere.exists()


@pytest.mark.slow
def test_a_folder_without_a_kernel_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Somebody's own kind of rule was not there when the image was made."""
    script = (
        "from runtime import kernel_cache; kernel_cache.choose()\n"
        "from detectors.channel.stuck import bucket\n"
        "print(bucket(5))"
    )
    target = Target(kernel_cache._build(), "generic", "", ())
    (tmp_path / TARGET).write_bytes(msgspec.json.encode(target))
    mine = {key: value for key, value in os.environ.items() if key not in NUMBA}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**mine, "PYTHONPATH": str(ROOT), SHIPPED: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "9\n"
    assert "was not shipped, and cannot be kept" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [TARGET]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No answer for numba yet, and a folder to take kernels from."""
    for name in NUMBA:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(SHIPPED, str(tmp_path))
    return monkeypatch


def target(folder: Path, **changes: object) -> None:
    words = {"build": kernel_cache._build(), "cpu": "generic", "features": "", "needs": ()}
    (folder / TARGET).write_bytes(msgspec.json.encode({**words, **changes}))


def test_numba_is_told_what_the_kernels_were_compiled_for(
    tmp_path: Path, quiet: pytest.MonkeyPatch
) -> None:
    del quiet
    target(tmp_path, cpu="x86-64-v2", features="+sse4.2")
    kernel_cache.choose()
    told = [os.environ[name] for name in NUMBA]
    assert told == [str(tmp_path), "x86-64-v2", "+sse4.2", "runtime.kernel_locator.Shipped"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (None, "expected kernels and their target.json, got .*No such file"),
        ({"build": "other"}, r"expected kernels of this build \(.*\), got those of other"),
        ({"needs": ("wings",)}, "expected a CPU with wings, as kernels for generic need it"),
        ({"colour": 1}, "expected kernels and their target.json, got .*`colour`"),
    ],
)
def test_kernels_of_another_build_or_cpu_are_refused(
    tmp_path: Path, quiet: pytest.MonkeyPatch, changes: dict[str, object] | None, text: str
) -> None:
    del quiet
    if changes is not None:
        target(tmp_path, **changes)
    with pytest.raises(ConfigError, match=f"TOCSIN_KERNELS: {text}.*; run `tocsin compile --into"):
        kernel_cache.choose()
