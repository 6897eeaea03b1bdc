"""The console's commands on a real broker: in their partition, signed, or not taken at all."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from broker.partition_reader import LaneReader
from configuration.commands import authority_of
from configuration.configuration import Configuration
from contracts.desk.commands import Acknowledge
from contracts.errors import ConfigError, RetryableError
from contracts.journal import Shelve, decode_command
from operate.console.sender import KafkaSender
from tests.testkit.console.centre import add_console
from tests.testkit.in_process import configured, create
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports

LANES = 3
FRAME: dict[str, Any] = {"role": "supervisor", "id": "7f3b", "at": 1, "expires": 9}
ACK = Acknowledge(
    target="i-0123456789abcdef", by="li.wei", role="operator", id="7f3a", at=1, expires=9
)


def settings_of(folder: Path, bootstrap: str, app: str) -> Configuration:
    """A small city with a key for the console."""
    found = configured(folder, bootstrap, app, LANES)
    add_console(folder / "configs")
    signed = Configuration.load(folder / "configs").settings
    return found.with_settings(msgspec.structs.replace(signed, kafka=found.settings.kafka))


async def test_a_command_is_in_its_partition_and_signed_in_the_role_of_its_giver(
    tmp_path: Path, kafka: Cluster
) -> None:
    app = kafka.unique("sender")
    configuration = settings_of(tmp_path, kafka.bootstrap, app)
    await create(configuration)
    sender = KafkaSender(configuration.settings)
    shelve = Shelve("water.feed-1.flow", "wang.fang", "flushing", 60, **FRAME)
    try:
        await sender.send("water", 2, shelve)
        with pytest.raises(ConfigError, match="expected a role of the key 'console'"):
            await sender.send("water", 2, msgspec.structs.replace(shelve, role="viewer"))
    finally:
        await sender.close()
    topic = f"{app}.commands.water"
    reader = LaneReader(kafka.bootstrap)
    try:
        found, _ = await reader.read(topic, 2, None)
    finally:
        await reader.close()
    (told,) = [decode_command(one.value) for one in found]
    authority = authority_of(configuration.settings.commands)
    assert (told.by, told.role, told.key) == ("wang.fang", "supervisor", "console")
    assert authority.vouches(told, topic)
    assert not authority.vouches(msgspec.structs.replace(told, by="li.wei"), topic)


async def test_brokers_that_do_not_answer_are_said_to_be_away(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    configuration = settings_of(tmp_path, nobody, "away")
    sender = KafkaSender(configuration.settings)
    try:
        with pytest.raises(RetryableError, match=r"away\.commands\.desk: .* send it again"):
            await sender.send("desk", 0, ACK)
    finally:
        await sender.close()
