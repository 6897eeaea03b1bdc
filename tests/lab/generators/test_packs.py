"""The packs that made readings are judged by take the catalogue that comes with them."""

import shutil
from pathlib import Path

import numpy as np

from configuration.configuration import Configuration
from lab.generators.made import CATALOGUE, Made, columns
from tests.tidy import ROOT

PACK = ROOT / "benchmarks" / "quality_data" / "packs" / "l_town"


def test_the_pack_of_l_town_hears_all_that_is_made_of_a_network(tmp_path: Path) -> None:
    quantities = ("pressure", "flow_dma", "flow_pump", "tank_level")
    catalogue = [
        {"id": f"water.a.{one}", "class": f"water.{one}", "asset": "a", "group": "water.area-1"}
        for one in quantities
    ]
    made = Made(catalogue, *columns(np.array([0]), np.zeros((1, 4))), [], {})
    made.write(tmp_path / "made")
    shutil.copytree(PACK, tmp_path / "pack")
    shutil.copy(tmp_path / "made" / CATALOGUE, tmp_path / "pack" / "water")
    found = Configuration.load(tmp_path / "pack", {})
    assert sorted(found.packs) == [f"water.{one}" for one in sorted(quantities)]
