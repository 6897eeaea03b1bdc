"""What a generator writes, `tocsin backtest` takes as it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from lab.data.labels import events_on, read_labels
from lab.data.open_data import open_data
from lab.generators.__main__ import main
from lab.generators.made import NS, Made, MadeEvent, columns
from tests.testkit.config_folder import loaded

BEGIN_NS = 1_772_323_200 * NS
CATALOGUE = [
    {"id": f"water.{name}.p", "class": "water.pressure", "asset": name, "group": f"water.{name}"}
    for name in ("a", "b")
]


def made() -> Made:
    time_ns = BEGIN_NS + np.arange(3) * 60 * NS
    values = np.array([[0.3, 0.4], [np.nan, 0.41], [0.32, 0.42]])
    events = [
        MadeEvent("burst", BEGIN_NS, BEGIN_NS + 90 * NS, ("water.a.p",), drawn={"kind": "burst"}),
        MadeEvent("leak", BEGIN_NS, BEGIN_NS + 60 * NS, place="b", rules=("limit",), colour="red"),
    ]
    return Made(CATALOGUE, *columns(time_ns, values), events, {"seed": 7})


def test_readings_labels_and_catalogue_come_back_as_they_were_made(tmp_path: Path) -> None:
    made().write(tmp_path / "out")
    data = open_data(tmp_path / "out")
    blocks = list(data.blocks())
    assert data.count == 5
    assert [data.names.ids[code] for code in blocks[0].code] == [
        "water.a.p", "water.b.p", "water.b.p", "water.a.p", "water.b.p",
    ]  # fmt: skip
    assert blocks[0].value.tolist() == [0.3, 0.4, 0.41, 0.32, 0.42]
    assert blocks[0].time_ns.tolist() == made().time_ns.tolist()

    catalogue = (tmp_path / "out" / "catalogue.yaml").read_text()
    configuration = loaded(tmp_path / "config", {"water/catalogue.yaml": catalogue})
    events = events_on(read_labels(tmp_path / "out" / "labels.yaml"), configuration.catalogue)
    assert [sorted(event.channels) for event in events] == [["water.a.p"], ["water.b.p"]]
    assert events[0].end.timestamp() * NS == BEGIN_NS + 90 * NS
    assert events[1].label.colour == "red"


def test_what_was_drawn_is_kept_beside_the_parameters(tmp_path: Path) -> None:
    made().write(tmp_path)
    kept = json.loads((tmp_path / "parameters.json").read_text())
    assert kept["parameters"] == {"seed": 7}
    assert kept["events"] == [{"name": "burst", "kind": "burst"}, {"name": "leak"}]


def test_readings_of_one_channel_are_at_hand() -> None:
    time_ns, value = made().of("water.a.p")
    assert ((time_ns - BEGIN_NS) // NS).tolist() == [0, 120]
    assert value.tolist() == [0.3, 0.32]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["crowd", "days=20"], "days: expected more than the quiet ones (28), got 20; raise it"),
        (["creep", "days=-1"], "days: expected more than the quiet ones (400), got -1; raise it"),
        (["excavation", "days=0"], "days: expected room for a reading, got room for 0; raise it"),
        (["excavation", "days=2"], "--out: expected a folder to write into, got"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").touch()
    assert main([*words, "--seed", "7", "--out", str(tmp_path / "a-file")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1
