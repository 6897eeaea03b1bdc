"""Every way to break a class file has one message; the files in `broken` carry theirs first."""

from pathlib import Path

import pytest

from tests.testkit.config_folder import BROKEN, findings_of, loaded

NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "good"])
def test_a_broken_pack_gets_exactly_the_message_in_its_first_line(
    name: str, tmp_path: Path
) -> None:
    text = (BROKEN / f"{name}.yaml").read_text(encoding="utf-8")
    expected = text.split("\n", 1)[0].removeprefix("# ")
    assert findings_of(tmp_path, {"water/pressure.yaml": text}) == [
        f"water/pressure.yaml:{expected}"
    ]


def test_the_pack_that_the_others_differ_from_is_good(tmp_path: Path) -> None:
    assert findings_of(tmp_path, {}) == []


def test_a_rule_knows_where_it_was_written_below_the_folder(tmp_path: Path) -> None:
    pack = loaded(tmp_path, {}).packs["water.pressure"]
    assert pack.at == {
        "limit": "water/pressure.yaml:6",
        "unusual": "water/pressure.yaml:19",
        "silent": "water/pressure.yaml:33",
    }


def test_lengths_in_periods_become_time(tmp_path: Path) -> None:
    silent = loaded(tmp_path, {}).packs["water.pressure"].silent
    assert silent is not None
    assert (silent.after.periods, silent.after.ns) == (0, 180 * 10**9)


def test_findings_of_all_files_come_together_and_in_order(tmp_path: Path) -> None:
    good = (BROKEN / "good.yaml").read_text(encoding="utf-8")
    twice = good.replace("smoothing: 0.1", "smothing: 0.1").replace("orange: 0.14", "orange: 0.18")
    files: dict[str, str | bytes] = {
        "tocsin.yaml": "kafka: {bootstrap: here}\nlifelines: {water: {partitions: 0}}\nsnapshot: 1",
        "water/pressure.yaml": twice,
        "water/flow.yaml": good.replace("water.pressure", "water.flow").replace("MPa", "", 1),
        "water/catalogue.csv": "id,class,asset,group\nA,water.pressure,a,g\n",
    }
    assert findings_of(tmp_path, files) == [
        "tocsin.yaml:2:33: lifelines.water.partitions: expected a whole number from 1 to 1024, "
        "got 0",
        "tocsin.yaml:3:11: snapshot: expected a mapping, got 1; its keys are every, or_readings",
        "water/catalogue.csv:2: id: expected lower-case letters, digits, `.`, `_` and `-`, "
        "at most 128, got 'A'; rename it",
        "water/flow.yaml:3:6: unit: expected text, got nothing",
        "water/pressure.yaml:7:43: limit.low.orange: expected below yellow (0.16), got 0.18; "
        "yellow could never ring alone, lower orange",
        "water/pressure.yaml:21:3: unusual: unknown key 'smothing'; nearest is 'smoothing'",
    ]


def test_a_class_in_two_files_is_refused(tmp_path: Path) -> None:
    good = (BROKEN / "good.yaml").read_text(encoding="utf-8")
    found = findings_of(tmp_path, {"water/z.yaml": good})
    assert found == [
        "water/z.yaml:2:8: class: expected each class once, got 'water.pressure' of "
        "water/pressure.yaml again; keep one"
    ]
