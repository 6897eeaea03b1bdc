"""The documentation follows the code, builds without a network and loads nothing from elsewhere."""

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.tidy import ROOT

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


def test_the_reference_is_what_the_code_says() -> None:
    command = [sys.executable, "docs/reference.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.slow
def test_the_site_builds_without_a_network_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    alone = ["unshare", "--map-root-user", "--net"]
    probe = [*alone, "true"]
    can = shutil.which("unshare") and not subprocess.run(probe, check=False).returncode
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    command = [*(alone if can else []), *build]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        foreign = [at for at in loaded.addresses if "//" in at.split("?")[0]]
        assert not foreign, (page.name, foreign)
    assert (tmp_path / "search" / "search_index.json").stat().st_size > 50_000
