"""The committed pages are what their source gives, and axe finds nothing serious in them."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.console.conftest import OpenPage
from tests.console.test_page_looks import PAGES, settled

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

WEB = Path(__file__).parents[2] / "console" / "web"
BUILD_S = 200


def run(*command: str, **environment: str) -> None:
    """Run a command of Node in the folder of the pages."""
    env = os.environ | environment
    subprocess.run(command, cwd=WEB, env=env, check=True, timeout=BUILD_S, capture_output=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Name and bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def web() -> Path:
    """Folder of the pages' source, with the packages of its lock file."""
    say = pytest.fail if os.environ.get("TOCSIN_CI") else pytest.skip
    if shutil.which("npm") is None:
        say("expected npm on the path; install Node 20.19 or newer")
    try:
        run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
    except subprocess.SubprocessError as error:
        say(f"npm ci: expected the packages of package-lock.json, got {error}")
    return WEB


async def test_the_committed_build_is_what_the_source_gives(web: Path, tmp_path: Path) -> None:
    run("npm", "run", "build", CONSOLE_OUT=str(tmp_path))
    built, committed = contents(tmp_path), contents(web.parent / "static")
    assert built.keys() == committed.keys(), "run `make console` and commit console/static"
    assert [name for name in built if built[name] != committed[name]] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious(web: Path, open_page: OpenPage, theme: str) -> None:
    axe = (web / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    async with open_page(theme=theme) as (page, _):
        for path in PAGES.values():
            await page.goto(urljoin(page.url, path))
            await settled(page)
            await page.evaluate(axe)
            found = await page.evaluate("axe.run().then(told => told.violations)")
            assert [
                (path, one["id"], [node["html"] for node in one["nodes"][:3]])
                for one in found
                if one["impact"] in ("serious", "critical")
            ] == []
