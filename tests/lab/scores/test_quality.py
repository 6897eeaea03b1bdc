"""What docs/quality.md says of the rules is what they do, where the corpora are at hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy import ROOT

DATA = ROOT.parent / "shared" / "data"
PLACES = {"skab": DATA / "skab" / "valve1", "battledim": DATA / "water_battledim"}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("part", PLACES)
def test_the_goals_that_the_page_calls_reached_are(part: str, tmp_path: Path) -> None:
    if not PLACES[part].is_dir():
        pytest.skip("the corpus is not carried and not beside this tree")
    command = [sys.executable, str(ROOT / "benchmarks" / "quality.py"), part]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    claims = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(claims) >= 3
    assert [claim["claim"] for claim in claims if not claim["holds"]] == []
