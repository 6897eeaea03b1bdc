"""Compiled kernels are kept by what they were compiled from."""

import os
from pathlib import Path

import pytest

from app.process import kernel_cache


def test_numba_is_told_a_folder_of_this_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kernel_cache.choose()
    folder = tmp_path / "tocsin" / "kernels" / kernel_cache.sources_hash()
    assert os.environ[kernel_cache.VARIABLE] == str(folder)
    assert folder.is_dir()


@pytest.mark.parametrize(
    "line",
    [
        "from detectors.base.level import step",
        "from detectors.base import level",
        "from detectors.base import (\n    kind,\n    level,\n)",
    ],
)
def test_another_step_is_another_build_however_deep_it_lies(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slope, level, limit = (tmp_path / f"{name}.py" for name in ("slope", "level", "limit"))
    slope.write_text(f"{line}\n@njit\n")
    level.write_text("one")
    limit.write_text("nobody's kernel takes this")
    tree = {
        "detectors.channel.slope": slope,
        "detectors.base.level": level,
        "detectors.fused.kernel.limit": limit,
    }
    monkeypatch.setattr(kernel_cache, "sources", lambda *_: tree)
    before = kernel_cache.sources_hash()
    level.write_text("two")
    assert kernel_cache.sources_hash() != before
    assert list(kernel_cache.shared()) == ["detectors.base.level"]


def test_builds_of_long_ago_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kernels = tmp_path / "tocsin" / "kernels"
    for age, name in enumerate(["a", "b", "c", "d"], 1):
        (kernels / name).mkdir(parents=True)
        os.utime(kernels / name, (1000 - age, 1000 - age))
    kernel_cache.choose()
    assert sorted(path.name for path in kernels.iterdir()) == sorted(
        ["a", "b", kernel_cache.sources_hash()]
    )


def test_an_answer_of_the_environment_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernel_cache.VARIABLE, "elsewhere")
    kernel_cache.choose()
    assert os.environ[kernel_cache.VARIABLE] == "elsewhere"


def test_a_folder_that_cannot_be_written_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    kernel_cache.choose()
    assert os.environ[kernel_cache.VARIABLE].startswith(str(tmp_path / "tocsin-"))
