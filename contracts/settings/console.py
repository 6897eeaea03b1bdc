"""Where the console listens, who may sign in, and with which key it signs: data alone."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.kafka import Secret

RoleName = Literal["viewer", "operator", "supervisor", "engineer", "admin"]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]


class ConsoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The page of the operations centre; see `docs/console.md`.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    users : str
        YAML file with who may sign in, as `tocsin console user` prints its entries.
    certificate_file, key_file : str
        PEM files for TLS; demanded beyond this machine under `profile: production`.
    key : Secret
        Ed25519 private key as PEM with which commands are signed: `${file:PATH}` or `${env:NAME}`.
        Left out, commands are sent unsigned.
    """

    host: Text = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8443
    users: Text = "console-users.yaml"
    certificate_file: Text | None = None
    key_file: Text | None = None
    key: Secret | None = None
