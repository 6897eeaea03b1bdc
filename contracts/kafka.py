"""Where the brokers are, and how a client and they prove to each other who they are: data alone."""

import ipaddress
import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_SECRET_WORD: Final = re.compile(r"(?i)([?&][^=&]*(?:secret|password|token|key|sig)[^=&]*=)[^&]*")


class Secret:
    """A secret by where it lies; never the secret itself, so that nothing can print it.

    Parameters
    ----------
    text : str
        `${env:NAME}` or `${file:PATH}`; `ValueError` for anything else, which is not quoted.

    Examples
    --------
    >>> Secret("${file:/run/secrets/kafka}")
    Secret('${file:/run/secrets/kafka}')
    >>> Secret("hunter2")
    Traceback (most recent call last):
    ValueError: expected `${env:NAME}` or `${file:PATH}`
    """

    EXPECTED: Final = "`${env:NAME}` or `${file:PATH}`"
    PATTERN: Final = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^}\0]{1,1000})\}"

    __slots__ = ("name", "source")

    name: str
    source: str

    def __init__(self, text: str) -> None:
        match = re.fullmatch(self.PATTERN, text)
        if match is None:
            msg = f"expected {self.EXPECTED}"
            raise ValueError(msg)
        self.source, _, self.name = match[1].partition(":")

    def __str__(self) -> str:
        return f"${{{self.source}:{self.name}}}"

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What proves brokers to a client, and with a certificate of its own the client to them.

    Parameters
    ----------
    ca_file : str
        PEM file with the authorities that sign the brokers' certificates; the system's if left out.
    certificate_file, key_file : str
        PEM files with the client's own certificate and its private key, for brokers that ask for
        one (mutual TLS).
    key_password : Secret
        Password of the private key, if it has one: `${env:NAME}` or `${file:PATH}`.
    check_hostname : bool
        Whether a broker's certificate must name the host that was called. Off, whoever holds any
        certificate of the same authority may pass for a broker.
    """

    ca_file: Text | None = None
    certificate_file: Text | None = None
    key_file: Text | None = None
    key_password: Secret | None = None
    check_hostname: bool = True


class Sasl(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By what name and secret a client logs in.

    Parameters
    ----------
    mechanism : str
        As the brokers' listener offers it.
    username : str
        For `PLAIN` and `SCRAM`.
    password : Secret
        For `PLAIN` and `SCRAM`: `${env:NAME}` or `${file:PATH}`, read at each login.
    token : Secret
        For `OAUTHBEARER`: `${file:PATH}` or `${env:NAME}`, read at each login.
    """

    mechanism: Mechanism
    username: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    password: Secret | None = None
    token: Secret | None = None


class Security(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How clients connect and log in; the same for every client of every command.

    Parameters
    ----------
    security_protocol : str
        `SSL` and `SASL_SSL` encrypt, the `SASL` ones log in.
    tls : Tls
    sasl : Sasl
    """

    security_protocol: Protocol = "PLAINTEXT"
    tls: Tls | None = None
    sasl: Sasl | None = None

    @property
    def encrypts(self) -> bool:
        """Whether what is said cannot be read on the way."""
        return self.security_protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        """Whether clients say who they are by SASL."""
        return self.security_protocol.startswith("SASL")


class Kafka(Security, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the brokers are, and how clients connect and log in.

    Parameters
    ----------
    bootstrap : str
        `host:port`, with commas between several.
    """

    bootstrap: Text

    def exposed(self) -> str:
        """The first broker beyond this machine that is spoken to in the clear; empty if none."""
        if self.encrypts:
            return ""
        brokers = [broker.strip() for broker in self.bootstrap.split(",")]
        return next((broker for broker in brokers if not _on_loopback(broker)), "")


NO_SECURITY: Final = Security()


def _on_loopback(broker: str) -> bool:
    return is_on_loopback(broker.rpartition(":")[0].strip("[]"))


def is_on_loopback(host: str) -> bool:
    """Whether a host is this machine.

    >>> is_on_loopback("::1"), is_on_loopback("kafka-1")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def masked(address: str) -> str:
    """An address without the credentials in it, to be printed.

    >>> masked("user:hunter2@kafka-1:9092"), masked("kafka-1:9092")
    ('***@kafka-1:9092', 'kafka-1:9092')
    >>> masked("s3://key:hunter2@bucket/x?region=r&session_token=t")
    's3://***@bucket/x?region=r&session_token=***'
    """
    scheme, slashes, rest = address.rpartition("://")
    credentials, at, place = rest.rpartition("@")
    return _SECRET_WORD.sub(r"\1***", f"{scheme}{slashes}{'***' if credentials else ''}{at}{place}")


def has_credentials(address: str) -> bool:
    """Whether an address of the form `scheme://` holds a secret.

    >>> has_credentials("s3://key:hunter2@bucket/x"), has_credentials("s3://bucket/x@y")
    (True, False)
    """
    authority = address.partition("://")[2].partition("/")[0]
    return "@" in authority or _SECRET_WORD.search(address) is not None
