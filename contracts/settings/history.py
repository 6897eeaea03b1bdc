"""Where the history lies, for how long it is kept, and how its database is reached: data alone."""

import ipaddress
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from contracts.kafka import Secret, masked

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql+pg8000"
EXPECTED: Final = "`sqlite:///FILE` or `postgresql+pg8000://USER@HOST:PORT/DATABASE`"

Text = Annotated[str, Meta(min_length=1, max_length=1000)]


class HistorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where alarms, incidents, notices and commands are kept in SQL, and for how long.

    Parameters
    ----------
    url : str
        `sqlite:///FILE` or `postgresql+pg8000://USER@HOST:PORT/DATABASE`; left out, the file
        `history.sqlite` in the folder `state`.
    password : Secret
        Of the user of PostgreSQL: `${env:NAME}` or `${file:PATH}`, read at each connection.
    tls : bool
        Whether PostgreSQL is spoken to by TLS; its certificate must name the host.
    ca_file : str
        PEM file with the authorities that sign that certificate; the system's if left out.
    days : int
        How long what is over is kept. What is open is never removed.
    """

    url: Text | None = None
    password: Secret | None = None
    tls: bool = False
    ca_file: Text | None = None
    days: Annotated[int, Meta(ge=1, le=36_500)] = 1095

    def __repr__(self) -> str:
        """As usual, but for credentials that a variable may have brought into the address."""
        url = None if self.url is None else masked(self.url)
        rest = f"tls={self.tls}, ca_file={self.ca_file!r}, days={self.days}"
        return f"HistorySettings(url={url!r}, password={self.password!r}, {rest})"

    def exposed(self) -> str:
        """The host beyond this machine that is spoken to in the clear; empty if none."""
        host = urlsplit(self.url or "").hostname or ""
        return "" if self.tls or not host or _on_loopback(host) else host


def url_fault(url: str) -> str:
    """What is wrong with the address of a history; empty if nothing is.

    Examples
    --------
    >>> url_fault("postgresql+pg8000://tocsin@db-1:5432/alarms"), url_fault("sqlite:///h.sqlite")
    ('', '')
    >>> url_fault("postgresql+pg8000://tocsin:hunter2@db-1/alarms")
    'an address without a password, which belongs in `history.password`'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return EXPECTED
    if parts.password is not None or masked(f"x://{parts.query}") != f"x://{parts.query}":
        return "an address without a password, which belongs in `history.password`"
    if parts.scheme == SQLITE:
        good = not parts.netloc and len(parts.path) > 1 and not parts.query
    else:
        named = bool(parts.username and parts.hostname and parts.path.strip("/"))
        good = parts.scheme == POSTGRESQL and named and port != 0
    return "" if good else EXPECTED


def _on_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
