"""Secrets are read when a client is made: from a variable or a regular file of bounded size."""

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from aiokafka import conn
from msgspec.structs import replace

from broker.access import FILE_BYTES_MAX, TokenFromSecret, client_options, secret_text
from contracts.errors import AccessDenied
from contracts.kafka import NO_SECURITY, Sasl, Secret, Security, Tls
from tests.testkit.kafka.certificates import Authority

NAME = "kafka.sasl.password"


def in_file(path: Path) -> Secret:
    return Secret(f"${{file:{path}}}")


def test_a_client_without_security_gets_nothing_else() -> None:
    assert client_options(NO_SECURITY) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("text", ["hush\n", "hush\r\n", "hush"])
def test_a_secret_in_a_file_is_its_text_without_the_line_end(text: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(text.encode())
    assert secret_text(NAME, in_file(path)) == "hush"
    link = tmp_path / "link"  # as Kubernetes mounts them
    link.symlink_to(path)
    assert secret_text(NAME, in_file(link)) == "hush"


def test_a_secret_may_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "hush")
    assert secret_text(NAME, Secret("${env:KAFKA_PASSWORD}")) == "hush"
    monkeypatch.delenv("KAFKA_PASSWORD")
    with pytest.raises(AccessDenied, match=f"^{NAME}: expected the variable KAFKA_PASSWORD, got"):
        secret_text(NAME, Secret("${env:KAFKA_PASSWORD}"))


async def test_each_login_by_plain_sends_the_password_of_now(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("first\n")
    sasl = Sasl(mechanism="PLAIN", username="worker", password=in_file(path))
    options = client_options(Security(security_protocol="SASL_PLAINTEXT", sasl=sasl))
    path.write_text("second\n")
    for password, sent in (
        (options["sasl_plain_password"], b"worker\0worker\0second"),
        ("of another client", b"worker\0worker\0of another client"),
    ):
        login = conn.SaslPlainAuthenticator(
            loop=asyncio.get_running_loop(),
            sasl_plain_password=password,
            sasl_plain_username="worker",
        )
        assert await login.step(None) == (sent, True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected text in .*, got nothing; write it anew"),
        (b"hush\xff", "expected text in .*, got something else; write it anew"),
        (b"hu\0sh", "expected text in .*, got something else; write it anew"),
        (b"h" * (FILE_BYTES_MAX + 1), f"expected at most {FILE_BYTES_MAX} bytes in .*, got more"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_and_not_quoted(
    data: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(data)
    with pytest.raises(AccessDenied, match=f"^{NAME}: {message}") as refused:
        secret_text(NAME, in_file(tmp_path / "secret"))
    assert "hu" not in str(refused.value)


def test_a_pipe_is_refused_at_once_and_so_is_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AccessDenied, match="expected a regular file, got"):
        secret_text(NAME, in_file(tmp_path / "pipe"))
    with pytest.raises(AccessDenied, match="got an error: Is a directory; make it readable"):
        secret_text(NAME, in_file(tmp_path))


async def test_a_token_is_read_again_at_each_login(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    sasl = Sasl(mechanism="OAUTHBEARER", token=in_file(path))
    options = client_options(Security(security_protocol="SASL_PLAINTEXT", sasl=sasl))
    assert options["sasl_mechanism"] == "OAUTHBEARER"
    provider = options["sasl_oauth_token_provider"]
    assert isinstance(provider, TokenFromSecret)
    assert await provider.token() == "first"
    path.write_text("second\n")
    assert await provider.token() == "second"
    assert "second" not in repr(provider) + repr(sasl)


def connecting(context: ssl.SSLContext) -> ssl.SSLContext:
    """What the next connection goes by."""
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost").context


def context_of(tls: Tls) -> ssl.SSLContext:
    found: ssl.SSLContext = client_options(Security(security_protocol="SSL", tls=tls))[
        "ssl_context"
    ]
    return found


def test_certificates_are_read_again_at_the_next_connection(tmp_path: Path) -> None:
    first = Authority(tmp_path, "authority")
    tls = Tls(ca_file=str(first.file))
    context = context_of(tls)
    before = connecting(context)
    assert connecting(context) is connecting(context_of(tls)) is before
    assert before.check_hostname
    assert not context.get_ca_certs(), "nothing is trusted beside the files of now"
    second = Authority(tmp_path, "authority")
    assert second.file == first.file
    after = connecting(context)
    assert after is not before
    assert after.get_ca_certs() != before.get_ca_certs()
    assert not connecting(context_of(replace(tls, check_hostname=False))).check_hostname


def test_half_a_pair_is_passed_over_until_the_other_half_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.sign("worker")
    tls = Tls(ca_file=str(authority.file), certificate_file=str(certificate), key_file=str(key))
    context = context_of(tls)
    before, old_key = connecting(context), key.read_bytes()
    authority.sign("worker")
    new_key = key.read_bytes()
    key.write_bytes(old_key)
    assert connecting(context) is before
    assert "expected a certificate and the key that belongs to it" in caplog.text
    key.unlink()
    assert connecting(context) is before
    key.write_bytes(new_key)
    assert connecting(context) is not before


def test_a_key_opens_with_its_password_alone(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "authority").sign("worker", password="hush")
    (tmp_path / "password").write_text("hush\n")
    locked = Tls(certificate_file=str(certificate), key_file=str(key))
    tls = replace(locked, key_password=in_file(tmp_path / "password"))
    assert "ssl_context" in client_options(Security(security_protocol="SSL", tls=tls))
    with pytest.raises(AccessDenied, match=r"^kafka\.tls\.key_file: expected a certificate and"):
        client_options(Security(security_protocol="SSL", tls=locked))
    none = Tls(ca_file=str(tmp_path / "none"))
    with pytest.raises(AccessDenied, match=r"^kafka\.tls\.ca_file: expected a file at .*none, got"):
        client_options(Security(security_protocol="SSL", tls=none))
