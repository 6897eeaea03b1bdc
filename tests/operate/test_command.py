"""Commands typed by an operator reach the lane of a channel, signed, and do what they say."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from app.cli.parser import parser
from app.process.lifeline_worker import LifelineWorker
from app.process.worker_options import WorkerOptions
from configuration.configuration import Configuration
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.command import command
from tests.pipeline.worker.keys import key_of, pem, public_text
from tests.testkit.faults.oracle import read_all
from tests.testkit.in_process import configured, create, send, taken, until
from tests.testkit.kafka.broker import Cluster

APP = "commanded"
CHANNEL = "water.tank-000.in"
OFFICER, STRANGER = key_of(1), key_of(2)


def signed_city(folder: Path, bootstrap: str) -> Configuration:
    """A city whose officers sign; its folder and two key files lie beside each other."""
    configured(folder, bootstrap, APP)
    settings = folder / "configs" / "tocsin.yaml"
    section = {
        "keys": {"li.wei": public_text(OFFICER)},
        "roles": {"officer": {"may": ["shelve", "unshelve"], "keys": ["li.wei"]}},
    }
    text = settings.read_text().replace("127.0.0.1:9092", bootstrap)
    settings.write_text(text + f"commands: {json.dumps(section)}\n")
    for name, key in (("officer", OFFICER), ("stranger", STRANGER)):
        (folder / f"{name}.pem").write_bytes(pem(key))
    found = Configuration.load(folder / "configs")
    kafka = msgspec.structs.replace(found.settings.kafka, bootstrap=bootstrap)
    return found.with_settings(msgspec.structs.replace(found.settings, kafka=kafka))


class Officer:
    """`tocsin shelve`, `unshelve` and `accept` as typed."""

    def __init__(self, folder: Path, bootstrap: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._tail = ["--configs", str(folder / "configs"), "--bootstrap", bootstrap]
        self._capsys = capsys

    async def says(self, *words: str, key: str | None = "officer") -> tuple[int, str]:
        who = ["--by", "li.wei", "--reason", "flushing"]
        if key is not None:
            who += ["--key", str(self._folder / f"{key}.pem")]
        self._capsys.readouterr()
        code = await command(parser().parse_args([*words, *who, *self._tail]))
        return code, self._capsys.readouterr().out


async def shelvings(bootstrap: str) -> list[tuple[str, str, str]]:
    found = await read_all(bootstrap, TopicNames(APP).alarms("water"))
    bodies = [json.loads(r.value) for r in found if dict(r.headers)["tocsin"] == b"shelving"]
    return [(body["channel"], body["state"], body["role"]) for body in bodies]


async def test_signed_commands_are_carried_out_and_others_are_not(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    city = signed_city(tmp_path, kafka.bootstrap)
    officer = Officer(tmp_path, kafka.bootstrap, capsys)
    await create(city)
    async with LifelineWorker(city, WorkerOptions("water")) as worker:
        await until(lambda: [lane.phase for lane in worker.lanes()] == ["running"])
        await send(city, [5.0] * 10, CHANNEL)  # commands wait for lane time
        await until(lambda: taken(worker) == 10)
        code, text = await officer.says("shelve", CHANNEL, "--for", "2 h", key=None)
        assert (code, "refused, expected a signed command" in text) == (1, True), text
        code, text = await officer.says("shelve", CHANNEL, "--for", "9 h")
        assert (code, "refused, expected a shelving of at most 28800 s" in text) == (1, True), text
        assert (await officer.says("shelve", CHANNEL, "--for", "2 h"))[0] == 0
        await until(lambda: sum(lane.shelved for lane in worker.lanes()) == 1)
        code, text = await officer.says("unshelve", CHANNEL)
        assert (code, text.count(": done, from telemetry offset")) == (0, 1), text
        await until(lambda: sum(lane.shelved for lane in worker.lanes()) == 0)
        with pytest.raises(ConfigError, match=r"expected a key of `commands\.keys`"):
            await officer.says("shelve", CHANNEL, "--for", "2 h", key="stranger")
    told = [(CHANNEL, "shelved", "officer"), (CHANNEL, "shown", "officer")]
    assert await shelvings(kafka.bootstrap) == told
    letters = await read_all(kafka.bootstrap, TopicNames(APP).dead_letters)
    reasons = [json.loads(letter.value)["reason"] for letter in letters]
    assert reasons == ["unsigned_command", "shelving_too_long"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shelve", CHANNEL, "--for", "a while"], "--for: expected a time of at least 1 s"),
        (["shelve", CHANNEL, "--for", "3 periods"], "--for: expected a time of at least 1 s"),
        (["accept", "water.nowhere"], "expected a channel of the catalogue"),
        (["accept", CHANNEL, "--role", "chief"], "expected a role of the key"),
    ],
)
def test_what_cannot_be_sent_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    signed_city(tmp_path, "127.0.0.1:9")
    with pytest.raises(ConfigError, match=said):
        asyncio.run(Officer(tmp_path, "127.0.0.1:9", capsys).says(*words))


@pytest.mark.parametrize("content", [b"", b"no key", pem(OFFICER)[:60]])
def test_a_file_that_holds_no_key_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    signed_city(tmp_path, "127.0.0.1:9")
    (tmp_path / "officer.pem").write_bytes(content)
    with pytest.raises(ConfigError, match="expected an Ed25519 private key as PEM"):
        asyncio.run(Officer(tmp_path, "127.0.0.1:9", capsys).says("accept", CHANNEL))
