"""A configuration that was judged before is taken as it was judged, and no other is."""

from pathlib import Path

import pytest

from configuration import bundle_store
from configuration.configuration import Configuration
from contracts.errors import ConfigError
from tests.testkit.config_folder import PACK, SETTINGS, folder_with


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that were judged in full."""
    seen: list[Path] = []
    load = Configuration.load

    def spy(folder: Path, environment: dict[str, str] | None = None) -> Configuration:
        seen.append(folder)
        return load(folder, environment)

    monkeypatch.setattr(Configuration, "load", spy)
    return seen


def city(place: Path, **files: str) -> Path:
    settings = f"{SETTINGS}state: {place}/state\n"
    return folder_with(place / "configs", {"tocsin.yaml": settings, **files})


def test_the_second_start_takes_what_the_first_one_judged(
    tmp_path: Path, judged: list[Path]
) -> None:
    folder = city(tmp_path)
    first, second = bundle_store.load(folder), bundle_store.load(folder)
    assert len(judged) == 1
    assert (first.hash, first.settings) == (second.hash, second.settings)
    assert second.bundle() == first.bundle()
    assert second.catalogue.table.equals(first.catalogue.table)
    other = second.with_settings(first.settings)
    assert other.hash == first.hash


def test_any_other_byte_is_judged_anew(tmp_path: Path, judged: list[Path]) -> None:
    folder = city(tmp_path)
    before = bundle_store.load(folder)
    (folder / "water" / "pressure.yaml").write_text(PACK.replace("orange: 0.14", "orange: 0.145"))
    after = bundle_store.load(folder)
    assert len(judged) == 2
    assert before.hash != after.hash


def test_a_mistake_is_found_however_often_it_was_good_before(
    tmp_path: Path, judged: list[Path]
) -> None:
    folder = city(tmp_path)
    bundle_store.load(folder)
    (folder / "water" / "pressure.yaml").write_text(PACK.replace("period:", "perod:"))
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"water/pressure\.yaml"):
            bundle_store.load(folder)
    (folder / "tocsin.yaml").write_text("kafka: 3\n")
    with pytest.raises(ConfigError, match=r"tocsin\.yaml"):
        bundle_store.load(folder)


def test_settings_are_read_each_time(
    tmp_path: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = city(tmp_path)
    text = (folder / "tocsin.yaml").read_text().replace('"127.0.0.1:9092"', '"${env:BROKER}"')
    (folder / "tocsin.yaml").write_text(text)
    for address in ("one:1", "two:2"):
        monkeypatch.setenv("BROKER", address)
        assert bundle_store.load(folder).settings.kafka.bootstrap == address
    assert len(judged) == 1


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_a_bundle_that_cannot_be_read_is_made_anew(
    tmp_path: Path, judged: list[Path], harm: str
) -> None:
    folder = city(tmp_path)
    first = bundle_store.load(folder)
    bundle = tmp_path / "state" / "bundles" / first.hash
    if harm == "gone":
        bundle.unlink()
    else:
        bundle.write_bytes(b"x" + bundle.read_bytes())
    assert bundle_store.load(folder).hash == first.hash
    assert len(judged) == 2
