"""Above the channels that are written down, the console reads the configuration itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from operate.console.description import CHANNELS_MAX
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.console.centre import add_console
from tests.testkit.console.made import PASSWORD, MadeHistory

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROW = "water.a-{0}.p,water.pressure,a-{0},water.a-{0}\n"
# A console of its own process: what it holds is its own.
SERVED = """
import argparse, asyncio, json, sys
from pathlib import Path
import aiohttp
from operate.console.service import service_of

async def asked(address):
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(address, cookie_jar=jar) as browser:
        said = {"user": "li.wei", "password": sys.argv[2]}
        async with browser.post("/api/session", json=said) as answer:
            assert answer.status == 200, await answer.text()
        found = []
        for path in sys.argv[3:]:
            async with browser.get(path) as answer:
                found.append([answer.status, await answer.json()])
    return found

async def main():
    words = argparse.Namespace(configs=Path(sys.argv[1]), bootstrap=None, port=0)
    service, _ = await service_of(words)
    serving = asyncio.create_task(service.serve())
    while not service.ready():
        assert not serving.done(), serving.result()
        await asyncio.sleep(0.05)
    found = await asked(service.server.address)
    held = Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    print(json.dumps({"found": found, "kilobytes": int(held), "loaded": sorted(sys.modules)}))

asyncio.run(main())
"""


def folder_of(place: Path, channels: int) -> Path:
    """A city of so many channels of one class, two of them on one asset, with people."""
    catalogue = "id,class,asset,group\n" + "".join(map(ROW.format, range(channels - 1)))
    catalogue += "water.a-0.q,water.pressure,a-0,water.a-0\n"
    (place / "configs").mkdir()
    (place / "state").mkdir()
    settings = f"{SETTINGS}state: {place}/state\n"
    files: dict[str, str | bytes] = {"water/catalogue.csv": catalogue, "tocsin.yaml": settings}
    folder = folder_with(place / "configs", files)
    add_console(folder)
    MadeHistory(place / "state" / "history.sqlite").close()
    return folder


def test_a_city_that_is_not_written_down_is_served_all_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, CHANNELS_MAX + 1)
    paths = ("water/water.a-0.p", f"water/water.a-{CHANNELS_MAX - 1}.p", "water/water.none")
    asked = ["/api/city", *(f"/api/channels/{path}" for path in paths)]
    command = [sys.executable, "-c", SERVED, str(folder), PASSWORD, *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    city, first, last, none = told["found"]
    assert [one["channels"] for one in city[1]["lifelines"]] == [CHANNELS_MAX + 1]
    assert (first[0], first[1]["asset"], first[1]["beside"]) == (200, "a-0", ["water.a-0.q"])
    assert any(rule["file"].endswith("pressure.yaml") for rule in first[1]["rules"])
    assert (last[0], last[1]["beside"]) == (200, [])
    assert none[0] == 404
    assert "pyarrow" in told["loaded"], "it has read the configuration itself"
    sys.stdout.write(f"{CHANNELS_MAX + 1:,} channels: {told['kilobytes'] // 1024} MB\n")
