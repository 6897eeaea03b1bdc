"""On a Kafka with TLS, logins and access control: who gets in, who does not, and what is said."""

from pathlib import Path

import msgspec
import pytest

from app.cli.main import main
from broker.log_ends import LogEnds
from contracts.kafka import Sasl, Secret, Security, Tls
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.kafka.certificates import Authority
from tests.testkit.kafka.locked import PLAIN_USER, LockedCluster, file_secret, unsigned_token

READ = (
    "kafka-acls.sh --bootstrap-server b --command-config c --add --allow-principal User:u "
    "--operation Read --topic"
)
PASSWORD = "of-the-test"


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


def configured(folder: Path, bootstrap: str, security: Security, more: str = "") -> Path:
    """A configuration folder whose clients connect and log in so."""
    given = msgspec.to_builtins(security, enc_hook=str)
    kafka = {
        key: {name: text for name, text in value.items() if text is not None}
        if isinstance(value, dict)
        else value
        for key, value in given.items()
        if value is not None
    }
    section = msgspec.json.encode({"bootstrap": bootstrap, **kafka}).decode()
    text = f"{more}kafka: {section}\n" + SETTINGS.split("\n", 1)[1]
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


@pytest.mark.parametrize("name", REFUSED)
def test_a_client_that_is_not_let_in_is_told_why(
    name: str, locked_kafka: LockedCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked_kafka.user("refused-user", PASSWORD)
    secret = file_secret(tmp_path / "secret", PASSWORD)
    good = locked_kafka.scram("refused-user", secret)
    other = Tls(ca_file=str(Authority(tmp_path, "other").file))
    token = Sasl(mechanism="OAUTHBEARER", token=file_secret(tmp_path / "token", "not.a.token"))
    replace, tls_only = msgspec.structs.replace, Security(
        security_protocol="SSL", tls=locked_kafka.tls()
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
