"""How a client connects and logs in, and why brokers do not let it: secrets are read here alone."""

import asyncio
import logging
import os
import ssl
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from aiokafka import conn
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from broker.errors import RETRY_AFTER_S
from contracts.errors import AccessDenied
from contracts.kafka import Sasl, Secret, Security, Tls

log = logging.getLogger("tocsin.access")

FILE_BYTES_MAX: Final = 64 << 10  # of a secret or a certificate; a bundle of authorities has more
BUNDLE_BYTES_MAX: Final = 4 << 20
PROBE_MS: Final = 5_000
PASSWORD: Final = "kafka.sasl.password"  # the setting that names it
_OTHER_HOST: Final = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def client_options(security: Security) -> dict[str, Any]:
    """Arguments of any aiokafka client, with secrets as they are now.

    Passwords, tokens, certificates and keys are read again at each connection that it makes. Ask
    for each client that is made, and keep nothing: the next one may need another name.

    Raises
    ------
    AccessDenied
        When a secret or a certificate cannot be read.
    """
    options: dict[str, Any] = {"security_protocol": security.security_protocol}
    if security.encrypts:
        options["ssl_context"] = ContextOfFiles(security.tls or Tls())
    if security.logs_in and security.sasl is not None:
        options |= _login(security.sasl)
    return options


def _login(sasl: Sasl) -> dict[str, Any]:
    found: dict[str, Any] = {"sasl_mechanism": sasl.mechanism}
    if sasl.token is not None:
        return found | {"sasl_oauth_token_provider": TokenFromSecret(sasl.token)}
    assert sasl.password is not None, "`check_kafka` refuses it"
    password = PasswordFromSecret(sasl.password)
    if sasl.mechanism == "PLAIN":
        conn.SaslPlainAuthenticator = FreshPlain
    return found | {"sasl_plain_username": sasl.username, "sasl_plain_password": password}


class PasswordFromSecret(str):
    """A password that somebody may change, read again at each login.

    Clients live for weeks and log in whenever a connection breaks. With the password of their first
    day a worker was deaf for two minutes, until its watchdog made them all anew. The client library
    asks for the bytes of a SCRAM password at each login; for PLAIN `FreshPlain` does.

    Parameters
    ----------
    secret : Secret

    Raises
    ------
    AccessDenied
        When it cannot be read at first.
    """

    __slots__ = ("_secret",)
    _secret: Secret

    def __new__(cls, secret: Secret) -> "PasswordFromSecret":
        """The password as it is when a client is made."""
        made = super().__new__(cls, secret_text(PASSWORD, secret))
        made._secret = secret
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The password as it is now."""
        try:
            return secret_text(PASSWORD, self._secret).encode(encoding, errors)
        except AccessDenied as error:  # the client tries again after an error of its own kind alone
            raise SaslAuthenticationFailed(str(error)) from error


class FreshPlain(conn.SaslPlainAuthenticator):  # type: ignore[misc]
    """A login by PLAIN with the bytes of its password as they are now.

    The library joins name and password as it was given them, so this class of its own is put in the
    place of its one. Any text is the same when its bytes are read again, so clients of others log
    in as they did.
    """

    def __init__(self, *, sasl_plain_password: str, **others: Any) -> None:
        super().__init__(sasl_plain_password=sasl_plain_password.encode().decode(), **others)


class TokenFromSecret(AbstractTokenProvider):  # type: ignore[misc]
    """A token that somebody else renews in its file; read again at each login.

    Parameters
    ----------
    secret : Secret
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    async def token(self) -> str:
        """The token as it is now."""
        try:
            return secret_text("kafka.sasl.token", self._secret)
        except AccessDenied as error:  # the client tries again after an error of its own kind alone
            raise SaslAuthenticationFailed(str(error)) from error


def secret_text(setting: str, secret: Secret) -> str:
    """A secret without the line end that editors put behind it.

    Parameters
    ----------
    setting : str
        Where it is named, for messages.
    secret : Secret

    Raises
    ------
    AccessDenied
        When nothing is there, or something other than a short text.
    """
    if secret.source == "env":
        text = os.environ.get(secret.name, "")
        if not text:
            msg = f"{setting}: expected the variable {secret.name}, got none; set it"
            raise _denied(msg)
        return text
    data = _bytes_of(setting, secret.name)
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text:
        got = "something else" if data else "nothing"
        msg = f"{setting}: expected text in {secret.name}, got {got}; write it anew"
        raise _denied(msg)
    return text


def _bytes_of(setting: str, path: str) -> bytes:
    """What lies in a regular file of bounded size; never waits for a pipe's other end."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                msg = f"{setting}: expected a regular file, got {path}; name another"
                raise _denied(msg)
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        text = f"{setting}: expected a file at {path}, got an error: {error.strerror}"
        msg = f"{text}; make it readable"
        raise _denied(msg) from error
    if len(data) > FILE_BYTES_MAX:
        msg = f"{setting}: expected at most {FILE_BYTES_MAX} bytes in {path}, got more"
        raise _denied(msg)
    return data


def _denied(message: str) -> AccessDenied:
    return AccessDenied(message, RETRY_AFTER_S)


class ContextOfFiles(ssl.SSLContext):
    """TLS by certificate, key and authorities as they are when a connection is made.

    Certificates are renewed every few weeks or days, and clients live longer. With the files of
    its first day a worker was refused at the next connection until its watchdog made it anew.

    Parameters
    ----------
    tls : Tls

    Raises
    ------
    AccessDenied
        When a file cannot be read at first.
    """

    def __new__(cls, tls: Tls) -> "ContextOfFiles":
        """A context that keeps no certificate itself, so whoever uses it otherwise trusts none."""
        del tls
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._newest = _tls_context(tls)

    def wrap_bio(self, *bios: Any, **how: Any) -> ssl.SSLObject:
        """See `ssl.SSLContext`; by the files of now, or the last that went together.

        Between the writing of a certificate and of its key the two are no pair.
        """
        try:
            self._newest = _tls_context(self._tls)
        except AccessDenied as error:
            log.warning("%s; this connection goes by the files as they were before", error)
        return self._newest.wrap_bio(*bios, **how)


def _tls_context(tls: Tls) -> ssl.SSLContext:
    """A context of the files as they are now; the same one while none of them changes."""
    password = ""
    if tls.key_password is not None:
        password = secret_text("kafka.tls.key_password", tls.key_password)
    return _context(tls, password, tuple(_stamps(tls)))


def _stamps(tls: Tls) -> Iterator[tuple[int, int, int]]:
    for name in ("ca_file", "certificate_file", "key_file"):
        path = getattr(tls, name)
        if path is None:
            continue
        try:
            found = Path(path).stat()
        except OSError as error:
            text = f"kafka.tls.{name}: expected a file at {path}, got an error: {error.strerror}"
            msg = f"{text}; make it readable"
            raise _denied(msg) from error
        if not stat.S_ISREG(found.st_mode) or found.st_size > BUNDLE_BYTES_MAX:
            text = f"expected a regular file of at most {BUNDLE_BYTES_MAX} bytes, got {path}"
            msg = f"kafka.tls.{name}: {text}; name another"
            raise _denied(msg)
        yield found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)  # the system's authorities take 20 ms to load, and each lane has a producer
def _context(tls: Tls, password: str, stamps: tuple[tuple[int, int, int], ...]) -> ssl.SSLContext:
    del stamps
    doing, what = "ca_file", "certificates in PEM"
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.check_hostname = tls.check_hostname
        if tls.certificate_file is not None:
            doing, what = "key_file", "a certificate and the key that belongs to it, in PEM"
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls.certificate_file, tls.key_file, lambda: password)
    except OSError as error:  # every `SSLError` is one
        got = getattr(error, "reason", None) or error.strerror or type(error).__name__
        text = f"kafka.tls.{doing}: expected {what}, got an error: {got}"
        msg = f"{text}; look at the files and at `key_password`"
        raise _denied(msg) from error
    return context


async def check_access(bootstrap: str, security: Security) -> None:
    """Find out whether brokers that answer let a client in, and why not.

    Clients only say that no broker answered. Where none does, nothing is raised: it is away.

    Raises
    ------
    AccessDenied
        With what to correct: password, mechanism, authority, host name, certificate, protocol.
    """
    hosts = [(host, port) for host, port, _ in collect_hosts(bootstrap)]
    refusals = await asyncio.gather(*(_refusal(host, port, security) for host, port in hosts))
    if None in refusals:
        return
    for (host, port), why in zip(hosts, refusals, strict=True):
        if why:
            msg = f"{host}:{port}: {why}"
            raise _denied(msg)


async def _refusal(host: str, port: int, security: Security) -> str | None:
    """Why a broker does not let a client in: None if it does, empty if it does not answer."""
    try:
        await _ask(host, port, security)
    except (OSError, TimeoutError, KafkaError) as error:
        return _why(error, security)
    return None


async def _ask(host: str, port: int, security: Security) -> None:
    """Connect, log in, and ask something that only those who are logged in are told."""
    connection = await create_conn(
        host,
        port,
        client_id="tocsin-access",
        request_timeout_ms=PROBE_MS,
        **client_options(security),
    )
    try:
        answer = await connection.send(MetadataRequest([]))
    finally:
        connection.close()
    # A token that is refused is answered by a challenge (RFC 7628, section 3.2.3), which the
    # client takes for a success: the next answer is empty then.
    if not answer.brokers and _mechanism(security) == "OAUTHBEARER":
        raise SaslAuthenticationFailed


def _why(error: BaseException, security: Security) -> str:
    """What a refusal says; empty where it is none."""
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) else None
    for found in filter(None, (cause, error)):
        if isinstance(found, ssl.SSLError):
            return _why_no_tls(found, security.tls or Tls())
        if isinstance(found, UnsupportedSaslMechanismError | IllegalSaslStateError):
            return _why_no_mechanism(security)
        if isinstance(found, SaslAuthenticationFailed):
            return _why_no_login(found, security)
    hung_up = EOFError | ConnectionResetError | BrokenPipeError
    if isinstance(error, hung_up) or (isinstance(error, KafkaConnectionError) and _closed(error)):
        return (
            f"expected a listener for {security.security_protocol}, it hung up; set "
            "`kafka.security_protocol` to what the listener speaks"
        )
    return ""


def _closed(error: KafkaConnectionError) -> bool:
    return isinstance(error.__cause__, EOFError | ConnectionError)


def _why_no_tls(error: ssl.SSLError, tls: Tls) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        got = error.verify_message.rstrip(".")
        if error.verify_code in _OTHER_HOST:
            return (
                f"expected a certificate for this host, got another's ({got}); correct the name "
                "in `kafka.bootstrap` or the broker's certificate"
            )
        signed_by = tls.ca_file or "the system's authorities"
        return (
            f"expected a certificate signed by {signed_by}, got one that is not ({got}); correct "
            "`kafka.tls.ca_file`"
        )
    reason = error.reason or type(error).__name__
    if "ALERT" in reason:
        return (
            f"expected the broker to take our certificate, it refused ({reason}); correct "
            "`kafka.tls.certificate_file` and `kafka.tls.key_file`"
        )
    return (
        f"expected TLS, got something else ({reason}); set `kafka.security_protocol` to what the "
        "listener speaks"
    )


def _mechanism(security: Security) -> str:
    return "" if security.sasl is None else security.sasl.mechanism


def _why_no_mechanism(security: Security) -> str:
    return (
        f"expected a listener that takes {_mechanism(security)}, it does not; set "
        "`kafka.sasl.mechanism` to one that it takes"
    )


def _why_no_login(error: SaslAuthenticationFailed, security: Security) -> str:
    if isinstance(error.__cause__, AccessDenied):
        return str(error.__cause__)
    sasl = security.sasl
    if sasl is None or sasl.token is not None:
        return "expected the broker to take the token, it refused; renew what `kafka.sasl.token` is"
    return (
        f"expected the broker to let {sasl.username!r} in by {sasl.mechanism}, it refused; correct "
        "`kafka.sasl.username` or what `kafka.sasl.password` names"
    )
