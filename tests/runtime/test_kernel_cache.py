"""Compiled kernels are kept by what they were compiled from."""

import os
import tempfile
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from runtime import kernel_cache


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


@pytest.mark.parametrize("where", ["", "kernels"])
@pytest.mark.parametrize("harm", ["writable", "link"])
def test_a_folder_that_somebody_else_may_have_filled_is_not_used(
    where: str, harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made = tmp_path / "cache" / "tocsin" / where
    made.parent.mkdir(parents=True, mode=0o700)
    if harm == "link":
        (tmp_path / "theirs").mkdir()
        made.symlink_to(tmp_path / "theirs")
    else:
        made.mkdir()
        made.chmod(0o777)
    kernel_cache.choose()
    chosen = Path(os.environ[kernel_cache.VARIABLE])
    assert chosen.is_relative_to(tmp_path / "tmp")
    assert chosen.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "cache" / "tocsin").mkdir(parents=True)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    kernel_cache.choose()
    assert kernel_cache.VARIABLE not in os.environ


def test_shipped_kernels_that_anybody_may_write_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / kernel_cache.TARGET).write_text("{}")
    (tmp_path / kernel_cache.TARGET).chmod(0o666)
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    monkeypatch.setenv(kernel_cache.SHIPPED, str(tmp_path))
    with pytest.raises(ConfigError, match=r"only root and this user may write, got .*target.json"):
        kernel_cache.choose()
