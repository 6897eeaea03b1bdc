"""On a Kafka with TLS, logins and access control: who gets in, who does not, and what is said."""

import asyncio
import gc
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from confluent_kafka.admin._acl import AclBinding
from confluent_kafka.admin._resource import ResourceType

from app.cli.main import main
from broker.access import client_options
from broker.acl import lines
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from broker.topics import TopicPlan, counted, ensure, needed
from contracts.errors import TocsinError
from contracts.journal import Entry, Tick
from contracts.kafka import Sasl, Secret, Security, Tls
from contracts.lane import LaneName
from contracts.ports.clock import WallClock
from contracts.ports.lane_log import NOTHING_TOLD, Manifest, Message, OutputMark
from contracts.topics import TopicNames
from ingest.kafka.commands import CommandSettings, KafkaCommands
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings
from tests.testkit import city
from tests.testkit.config_folder import COMMANDS, SETTINGS, folder_with
from tests.testkit.faults.oracle import read_all
from tests.testkit.kafka.certificates import Authority
from tests.testkit.kafka.locked import PLAIN_USER, LockedCluster, file_secret, unsigned_token
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

READ = (
    "kafka-acls.sh --bootstrap-server b --command-config c --add --allow-principal User:u "
    "--operation Read --topic"
)
PASSWORD = "of-the-test"
CANARY = "canary-9f3a7c51e2"
WAIT_S = 100.0


def logins(kafka: LockedCluster, folder: Path) -> dict[str, tuple[str, Security]]:
    """Every way in, by the principal that a client is then."""
    kafka.user("scram-user", PASSWORD)
    password = file_secret(folder / "password", PASSWORD)
    plain = file_secret(folder / "plain", kafka.secret)
    token = Sasl(
        mechanism="OAUTHBEARER", token=file_secret(folder / "token", unsigned_token("token-user"))
    )
    return {
        "SCRAM-SHA-256": (kafka.login, kafka.scram("scram-user", password, "SCRAM-SHA-256")),
        "SCRAM-SHA-512": (kafka.login, kafka.scram("scram-user", password)),
        "PLAIN": (kafka.login, kafka.scram(PLAIN_USER, plain, "PLAIN")),
        "OAUTHBEARER": (
            kafka.login,
            Security(security_protocol="SASL_SSL", tls=kafka.tls(), sasl=token),
        ),
        "certificate": (
            kafka.mutual,
            Security(security_protocol="SSL", tls=kafka.tls(name="certificate-user")),
        ),
    }


async def test_every_way_in_leads_to_what_the_user_may_read(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    topic = locked_kafka.create_topic(locked_kafka.unique("ways"))
    for user in ("scram-user", PLAIN_USER, "token-user", "CN=certificate-user"):
        locked_kafka.allow([f"{READ} {topic}"], f"User:{user}")
    for name, (bootstrap, security) in logins(locked_kafka, tmp_path).items():
        ends = LogEnds(bootstrap, topic, security, call_s=30.0)
        try:
            assert await ends.ends([0]) == {0: 0}, name
        finally:
            await ends.close()


def section(bootstrap: str, security: Security) -> str:
    """The section `kafka` of a configuration."""
    given = msgspec.to_builtins(security, enc_hook=str)
    kafka = {
        key: {name: text for name, text in value.items() if text is not None}
        if isinstance(value, dict)
        else value
        for key, value in given.items()
        if value is not None
    }
    return f"kafka: {msgspec.json.encode({'bootstrap': bootstrap, **kafka}).decode()}\n"


def configured(folder: Path, bootstrap: str, security: Security) -> Path:
    """A configuration folder whose clients connect and log in so."""
    text = section(bootstrap, security) + SETTINGS.split("\n", 1)[1]
    return folder_with(folder, {"tocsin.yaml": text})


REFUSED = {
    "password": "expected the broker to let 'refused-user' in by SCRAM-SHA-512, it refused; "
    "correct `kafka.sasl.username` or what `kafka.sasl.password` names",
    "token": "expected the broker to take the token, it refused; renew what `kafka.sasl.token` is",
    "host": "expected a certificate for this host, got another's (IP address mismatch, certificate "
    "is not valid for '127.0.0.1'); correct the name in `kafka.bootstrap` or the broker's "
    "certificate",
    "authority": "expected a certificate signed by {folder}/other.pem, got one that is not "
    "(unable to get local issuer certificate); correct `kafka.tls.ca_file`",
    "no certificate": "expected the broker to take our certificate, it refused "
    "(SSLV3_ALERT_BAD_CERTIFICATE); correct `kafka.tls.certificate_file` and "
    "`kafka.tls.key_file`",
    "clear to TLS": "expected a listener for PLAINTEXT, it hung up; set `kafka.security_protocol` "
    "to what the listener speaks",
    "TLS to clear": "expected a listener for SSL, it hung up; set `kafka.security_protocol` to "
    "what the listener speaks",
    "no login": "expected a listener for SSL, it hung up; set `kafka.security_protocol` to what "
    "the listener speaks",
    "no such secret": "kafka.sasl.password: expected a file at {folder}/none, got an error: No "
    "such file or directory; make it readable",
}


# A socket whose last bytes no peer takes is left open by asyncio when its loop ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_a_client_that_is_not_let_in_is_told_why(
    name: str, locked_kafka: LockedCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked_kafka.user("refused-user", PASSWORD)
    secret = file_secret(tmp_path / "secret", PASSWORD)
    good = locked_kafka.scram("refused-user", secret)
    other = Tls(ca_file=str(Authority(tmp_path, "other").file))
    token = Sasl(mechanism="OAUTHBEARER", token=file_secret(tmp_path / "token", "not.a.token"))
    replace, tls_only = (
        msgspec.structs.replace,
        Security(security_protocol="SSL", tls=locked_kafka.tls()),
    )
    wrong = file_secret(tmp_path / "wrong", "guess")
    bootstrap, security = {
        "password": (locked_kafka.login, locked_kafka.scram("refused-user", wrong)),
        "token": (locked_kafka.login, replace(good, sasl=token)),
        "host": (locked_kafka.login.replace("localhost", "127.0.0.1"), good),
        "authority": (locked_kafka.login, replace(good, tls=other)),
        "no certificate": (locked_kafka.mutual, tls_only),
        "clear to TLS": (locked_kafka.mutual, Security()),
        "TLS to clear": (locked_kafka.bootstrap, tls_only),
        "no login": (locked_kafka.login, tls_only),
        "no such secret": (
            locked_kafka.login,
            locked_kafka.scram("refused-user", Secret(f"${{file:{tmp_path}/none}}")),
        ),
    }[name]
    folder = configured(tmp_path / "c", bootstrap, security)
    assert main(["topics", "--configs", str(folder), "--bootstrap", bootstrap]) == 2
    said = capsys.readouterr().err
    assert REFUSED[name].replace("{folder}", str(tmp_path)) in said
    assert "Traceback" not in said
    gc.collect()  # or a later test would have the warning


async def topics_of(kafka: LockedCluster, app: str) -> list[str]:
    """Make the topics of an installation with one lane of water; their names."""
    topics = needed({"water": 1}, TopicNames(app), TopicPlan(replication=1))
    await ensure(topics, kafka.bootstrap)
    return [topic.name for topic in topics]


class Role(NamedTuple):
    """A role that has exactly the rights that were printed for it."""

    security: Security
    rights: list[AclBinding]


def role(kafka: LockedCluster, app: str, name: str, secret: Secret, password: str) -> Role:
    """Let a role log in, and give it what `tocsin topics --acl` prints for it."""
    kafka.user(f"{app}-{name}", password)
    mine = [line for line in lines({"water": 1}, TopicNames(app), "b:1") if f"-{name} " in line]
    return Role(kafka.scram(f"{app}-{name}", secret), kafka.allow(mine))


async def send_low(kafka: LockedCluster, topic: str, security: Security) -> None:
    """As a gateway: readings that must ring, and a message that cannot be read."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.login, **client_options(security))
    await producer.start()
    try:
        now_ms = int(time.time() * 1000)
        for i in range(4):
            body = {"channel": "water.tank-000.in", "time": now_ms - 900 + 200 * i, "value": 0.5}
            await producer.send_and_wait(topic, msgspec.json.encode(body), partition=0)
        await producer.send_and_wait(topic, b'{"channel": "wat', partition=0)
    finally:
        await producer.stop()


async def heard(kafka: LockedCluster, app: str, security: Security) -> bytes:
    """As a reader: the first alarm."""
    consumer = AIOKafkaConsumer(
        TopicNames(app).alarms("water"),
        bootstrap_servers=kafka.login,
        group_id=f"{app}-reader-1",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **client_options(security),
    )
    await consumer.start()
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        if dict(record.headers).get("tocsin") == b"revision":
                            return bytes(record.value)
    finally:
        await consumer.stop()


def shown_by(worker: WorkerProcess) -> dict[str, str]:
    """Everything that a running worker shows to anybody."""
    seen = {
        "log": worker.log.read_text(),
        "command line": Path(f"/proc/{worker.process.pid}/cmdline").read_text(),
    }
    for path in ("/metrics", "/livez", "/readyz"):
        page = worker.get(path)
        assert page is not None, path
        seen[path] = page
    return seen


def printed(configs: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What other commands print, some of which are told the secret where it does not belong."""
    seen = {}
    for command in (
        ["check", configs],
        ["check", configs, "--json"],
        ["explain", "water.tank-000.in", "--configs", configs],
        ["topics", "--configs", configs],
        ["topics", "--configs", configs, "--bootstrap", f"user:{CANARY}@localhost:9092"],
        ["run", "--configs", configs, "--state", f"s3://key:{CANARY}@bucket/x"],
    ):
        with suppress(SystemExit):  # the parser's own way to refuse
            main(command)
        seen[" ".join(command)] = "".join(capsys.readouterr())
    return seen


def test_a_worker_rings_with_the_rights_that_are_printed_and_shows_its_secret_nowhere(
    locked_kafka: LockedCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = locked_kafka.unique("locks")
    topics = asyncio.run(topics_of(locked_kafka, app))
    secret = file_secret(tmp_path / "canary", CANARY)
    worker_role, gateway, reader = (
        role(locked_kafka, app, name, secret, CANARY) for name in ("worker", "gateway", "reader")
    )
    configs, state = tmp_path / "configs", tmp_path / "state"
    city.configure(configs, 1, 1, state)
    path = configs / "tocsin.yaml"
    usual = "".join(path.read_text().splitlines(keepends=True)[2:])
    kafka = section(locked_kafka.login, worker_role.security)
    path.write_text(f"app: {app}\nprofile: production\n{COMMANDS}{kafka}{usual}")
    (port,) = free_ports(1)
    worker = WorkerProcess(["--configs", str(configs)], port, tmp_path / "log")
    try:
        worker.start()
        asyncio.run(send_low(locked_kafka, topics[0], gateway.security))
        assert b'"rule"' in asyncio.run(heard(locked_kafka, app, reader.security))
        seen = shown_by(worker) | printed(str(configs), capsys)
        worker.process.terminate()
        assert worker.process.wait(WAIT_S) == 0, worker.log.read_text()[-4000:]
    finally:
        worker.bury()
    assert all(seen.values())
    for topic in topics:
        records = asyncio.run(read_all(locked_kafka.bootstrap, topic))
        seen[topic] = "\n".join(f"{record.key!r} {record.value!r}" for record in records)
    assert '"offset":4' in seen[TopicNames(app).dead_letters]
    files = {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()}
    assert any(path.endswith(".snap") for path in files)
    assert [name for name, text in seen.items() if CANARY in text] == []
    assert [name for name, data in files.items() if CANARY.encode() in data] == []


async def listen(kafka: LockedCluster, app: str, security: Security) -> None:
    """Everything that a worker asks of brokers to take lanes, readings and commands."""
    names = TopicNames(app)
    telemetry, commands = names.telemetry("water"), names.commands("water")
    own = needed({"water": 1}, names)[:5]
    await counted(own, kafka.login, security, whole=True)
    source = KafkaSource(
        KafkaSettings(
            bootstrap=kafka.login,
            topic=telemetry,
            lifeline="water",
            group=f"{app}-water",
            security=security,
        )
    )
    desk = KafkaCommands(
        CommandSettings(bootstrap=kafka.login, topic=commands, lifeline="water", security=security)
    )
    try:
        async with asyncio.timeout(WAIT_S):
            await source.start()
            await desk.start()
            while not source._client.has(0):  # noqa: ASYNC110 - the group tells a listener alone
                await asyncio.sleep(0.05)
            await source.prove_membership(0)
            await source.seek(0, 0)
            await source.fetch(0, 0.1)
            await desk.fetch(0, 0)
    finally:
        await source.close()
        await desk.close()


async def tell(kafka: LockedCluster, app: str, security: Security) -> None:
    """Everything that a lane writes and reads back."""
    names = TopicNames(app)
    reader = LaneReader(kafka.login, security=security)
    settings = LogSettings(bootstrap=kafka.login, security=security, app=app, topics=names)
    lane = LaneName("water", 0, names.telemetry("water"), names.commands("water"))
    log = KafkaLaneLog(lane, settings, reader, WallClock())
    try:
        await log.fence()
        await log.past()
        letters = [Message(kind, b"k", b"{}") for kind in ("alarm", "dead_letter", "shadow")]
        await log.flush([Entry(0, Tick(1))], letters, OutputMark(3, NOTHING_TOLD, 0, 0))
        await log.publish(Manifest("f", "00" * 16, "ab", 0, 0, 0, 0, 0, NOTHING_TOLD))
    finally:
        await log.close()
        await reader.close()


@pytest.mark.long
async def test_without_any_one_of_its_rights_a_worker_says_which(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    app = locked_kafka.unique("rights")
    await topics_of(locked_kafka, app)
    secret = file_secret(tmp_path / "secret", PASSWORD)
    security, rights = role(locked_kafka, app, "worker", secret, PASSWORD)
    await listen(locked_kafka, app, security)
    await tell(locked_kafka, app, security)
    assert len(rights) == 12
    for right in rights:
        listens = any(word in right.name for word in ("telemetry", "commands", f"{app}-water"))
        listens = listens and right.restype is not ResourceType.TRANSACTIONAL_ID
        locked_kafka.forbid(right)
        with pytest.raises(TocsinError, match="tocsin topics --acl") as refused:
            await (listen if listens else tell)(locked_kafka, app, security)
        assert right.name in str(refused.value), right
        locked_kafka.give([right])


async def test_a_password_that_changed_is_read_when_a_client_is_made_again(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    topic = locked_kafka.create_topic(locked_kafka.unique("rotated"))
    locked_kafka.allow([f"{READ} {topic}"], "User:rotating-user")
    secret = file_secret(tmp_path / "secret", "first")
    locked_kafka.user("rotating-user", "first")
    ends = LogEnds(locked_kafka.login, topic, locked_kafka.scram("rotating-user", secret))
    try:
        assert await ends.ends([0]) == {0: 0}
        await ends.close()
        locked_kafka.user("rotating-user", "second")
        assert await ends.ends([0]) is None
        file_secret(tmp_path / "secret", "second")
        assert await ends.ends([0]) == {0: 0}
    finally:
        await ends.close()


def renewed_files(tls: Tls) -> tuple[bytes, bytes]:
    """A certificate and its key."""
    assert tls.certificate_file is not None
    assert tls.key_file is not None
    return Path(tls.certificate_file).read_bytes(), Path(tls.key_file).read_bytes()


async def test_a_client_that_was_made_before_its_certificate_changed_shows_the_new_one(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    topic = locked_kafka.create_topic(locked_kafka.unique("renewed"))
    locked_kafka.allow([f"{READ} {topic}"], "User:CN=renewed-user")
    good = locked_kafka.tls(name="renewed-user")
    others = Authority(tmp_path, "others").sign("renewed-user")  # whom the brokers do not trust
    mine = tmp_path / "mine.pem", tmp_path / "mine-key.pem"
    for own, other in zip(mine, others, strict=True):
        own.write_bytes(other.read_bytes())
    tls = Tls(ca_file=good.ca_file, certificate_file=str(mine[0]), key_file=str(mine[1]))
    security = Security(security_protocol="SSL", tls=tls)
    client = AIOKafkaClient(bootstrap_servers=locked_kafka.mutual, **client_options(security))
    with pytest.raises(KafkaConnectionError):
        await client.bootstrap()
    certificate, key = renewed_files(good)
    mine[0].write_bytes(certificate)
    with pytest.raises(KafkaConnectionError):  # half a pair: the one before goes on
        await client.bootstrap()
    mine[1].write_bytes(key)
    await client.bootstrap()
    client.add_topic(topic)
    await client.force_metadata_update()
    assert client.cluster.partitions_for_topic(topic) == {0}
    await client.close()


async def test_a_client_that_was_made_before_its_password_changed_logs_in_with_the_new_one(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    secret = file_secret(tmp_path / "secret", "first")
    locked_kafka.user("living-user", "first")
    options = client_options(locked_kafka.scram("living-user", secret))
    locked_kafka.user("living-user", "second")
    client = AIOKafkaClient(bootstrap_servers=locked_kafka.login, **options)
    with pytest.raises(KafkaConnectionError):
        await client.bootstrap()
    file_secret(tmp_path / "secret", "second")
    await client.bootstrap()
    await client.close()
    (tmp_path / "secret").unlink()
    with pytest.raises(SaslAuthenticationFailed, match=r"kafka\.sasl\.password: expected a file"):
        options["sasl_plain_password"].encode()


async def test_a_client_by_plain_logs_in_with_the_password_that_its_file_has_now(
    locked_kafka: LockedCluster, tmp_path: Path
) -> None:
    secret = file_secret(tmp_path / "secret", "of-yesterday")
    options = client_options(locked_kafka.scram(PLAIN_USER, secret, "PLAIN"))
    client = AIOKafkaClient(bootstrap_servers=locked_kafka.login, **options)
    with pytest.raises(KafkaConnectionError):
        await client.bootstrap()
    (tmp_path / "secret").unlink()
    with pytest.raises(KafkaConnectionError):  # tries again, and does not die of it
        await client.bootstrap()
    file_secret(tmp_path / "secret", locked_kafka.secret)
    await client.bootstrap()
    await client.close()


def position(worker: WorkerProcess) -> float:
    """Next offset that the worker's lane takes, 0 while it has none."""
    assert worker.process.poll() is None, worker.log.read_text()[-4000:]
    return worker.metric("tocsin_lane_position").get("water-0", 0.0)


def await_position(worker: WorkerProcess, offset: int) -> None:
    """Wait until the worker's lane is ready and stands behind an offset."""
    deadline = time.monotonic() + 2 * WAIT_S
    while not (position(worker) >= offset and worker.get("/readyz")):
        assert time.monotonic() < deadline, worker.log.read_text()[-4000:]
        time.sleep(0.2)


def hired(kafka: LockedCluster, folder: Path, secret: Secret, password: str) -> WorkerProcess:
    """A worker of one lane that logs in as the role of workers."""
    mine, configs = role(kafka, "tocsin", "worker", secret, password), folder / "configs"
    city.configure(configs, 1, 1, folder / "state")
    path = configs / "tocsin.yaml"
    usual = "".join(path.read_text().splitlines(keepends=True)[2:])
    path.write_text("app: tocsin\n" + section(kafka.login, mine.security) + usual)
    return WorkerProcess(["--configs", str(configs)], free_ports(1)[0], folder / "log")


@pytest.mark.broker
@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_running_worker_goes_on_with_a_password_that_was_changed(tmp_path: Path) -> None:
    """The broker and the file get another one; then all connections break, as they do some day."""
    old, new = "first-5d1c", "second-8e2f"
    with LockedCluster() as kafka:
        (telemetry, *_) = asyncio.run(topics_of(kafka, "tocsin"))
        secret = file_secret(tmp_path / "secret", old)
        others = file_secret(tmp_path / "others", PASSWORD)
        gateway = role(kafka, "tocsin", "gateway", others, PASSWORD).security
        worker = hired(kafka, tmp_path, secret, old)
        try:
            worker.start()
            asyncio.run(send_low(kafka, telemetry, gateway))
            await_position(worker, 5)
            kafka.user("tocsin-worker", new)
            file_secret(tmp_path / "secret", new)
            kafka.restart(0)
            asyncio.run(send_low(kafka, telemetry, gateway))
            await_position(worker, 10)
            assert worker.metric("tocsin_readings_received_total")["water-0"] == 10
            worker.process.terminate()
            assert worker.process.wait(WAIT_S) == 0, worker.log.read_text()[-4000:]
        finally:
            worker.bury()
    text = worker.log.read_text()
    assert worker.starts == 1
    assert not [password for password in (old, new) if password in text]
