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
def test_goals_are_reached_and_missed_as_the_page_says(part: str, tmp_path: Path) -> None:
    if not PLACES[part].is_dir():
        pytest.skip("the corpus is not carried and not beside this tree")
    command = [sys.executable, str(ROOT / "benchmarks" / "quality.py"), part]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    claims = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    page = said(part)
    found = {claim["claim"].rpartition(": ")[0]: claim["holds"] for claim in claims}
    assert {what: "reached" if holds else "missed" for what, holds in found.items()} == page
    assert list(page.values()).count("reached") >= 3


def said(part: str) -> dict[str, str]:
    """Claims of a part as the page has them: `reached` or `missed`."""
    text = (ROOT / "docs" / "quality.md").read_text()
    table = text.partition(f"<!-- {part} goals: begin -->")[2].partition("<!--")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.split("\n")]
    return {row[0]: row[3] for row in rows if len(row) > 3 and row[3] in {"reached", "missed"}}
