"""What is hashed to tell builds apart sees every file, however deep it lies."""

import sys
from pathlib import Path

import pytest

from runtime.installation import CONFIGS, DATA, HOME, folder_of, sources


def test_a_module_is_found_however_deep_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "sample_room" / "channel" / "seasonal"
    deep.mkdir(parents=True)
    for folder in (deep, deep.parent, deep.parents[1]):
        (folder / "__init__.py").touch()
    (deep / "step.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = sources("sample_room")
    assert list(found) == [
        "sample_room",
        "sample_room.channel",
        "sample_room.channel.seasonal",
        "sample_room.channel.seasonal.step",
    ]
    assert found["sample_room.channel.seasonal.step"] == deep / "step.py"


def test_every_module_of_a_package_is_among_its_sources() -> None:
    found = sources("contracts", "detectors", "runtime")
    assert found["runtime.installation"] == Path(sys.modules["runtime.installation"].__file__ or "")
    assert all(path.is_file() for path in found.values())
    on_disk = {
        path
        for room in ("contracts", "detectors", "runtime")
        for path in (HOME / room).rglob("*.py")
    }
    assert set(found.values()) == on_disk


def test_what_is_carried_is_beside_the_packages() -> None:
    assert (CONFIGS / "tocsin.yaml").is_file()
    assert (DATA / "known.yaml").is_file()


def test_a_package_that_is_not_there_is_no_empty_list_of_sources() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_room: expected a package of Tocsin's"):
        sources("no_such_room")
    with pytest.raises(ModuleNotFoundError):
        folder_of("runtime.installation")
