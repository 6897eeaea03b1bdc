"""The documentation follows the code, builds without a network and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from contracts.catalogue import LINK, SCHEMA
from tests.testkit.browser import chromium
from tests.tidy import ROOT

pytestmark = pytest.mark.slow

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


def test_the_reference_is_what_the_code_says() -> None:
    command = [sys.executable, "docs/reference.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_column_of_a_catalogue_is_explained() -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.split("## Words")[0].splitlines() if "|" in line]
    assert re.findall("`(.*?)`", "".join(cells)) == [*SCHEMA.names, LINK.name]


class Loaded(HTMLParser):
    """Addresses that a page loads, those that people click left out."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev", "edit"):
            return
        self.addresses += [given[LOADS[tag]] or ""] if LOADS.get(tag, "") in given else []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built without a network where that can be taken away."""
    alone = ["unshare", "--map-root-user", "--net"]
    probe = [*alone, "true"]
    can = shutil.which("unshare") and not subprocess.run(probe, check=False).returncode
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    command = [*(alone if can else []), *build]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds_without_a_network_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        foreign = [at for at in loaded.addresses if "//" in at.split("?")[0]]
        assert not foreign, (page.name, foreign)
    assert (site / "search" / "search_index.json").stat().st_size > 50_000


# Cells of tables that have a text, and those of them which a person sees without scrolling aside.
CELLS = """(() => {
  const cells = [...document.querySelectorAll("article td")].filter(cell => cell.innerText.trim());
  const seen = cells.filter(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const box = range.getBoundingClientRect();
    return box.width > 0 && box.left >= 0 && box.right <= innerWidth;
  });
  return [cells.length, seen.length, document.documentElement.scrollWidth];
})()"""


@pytest.mark.long
async def test_no_column_is_out_of_sight_on_a_phone(site: Path) -> None:
    counted, addresses = 0, [page.as_uri() for page in sorted(site.rglob("*.html"))]  # noqa: ASYNC240
    async with chromium() as page:
        for address in addresses:
            await page.open(address, 390, 844)
            cells, seen, width = await page.evaluate(CELLS)
            assert (seen, width) == (cells, 390), address
            counted += cells
    assert counted > 1_000
