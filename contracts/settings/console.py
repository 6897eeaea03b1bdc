"""Where the console listens, who may sign in, and with which key it signs: data alone."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.kafka import Secret

RoleName = Literal["viewer", "operator", "supervisor", "engineer", "admin"]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]


class ClaimedNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Names of the configuration that a claim gives somebody.

    Parameters
    ----------
    claim : str
        `*` in it stands for all; whoever has nothing in that of lifelines or districts stays out.
    names : dict of str to list of str
        What a value of the claim stands for; one that is not listed here stands for itself.
    """

    claim: Text
    names: dict[str, list[Text]] = {}


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider of OpenID Connect by which people sign in, too; see `docs/console.md`.

    Claims are those of the ID token; `realm_access.roles` is the claim `roles` within another.

    Parameters
    ----------
    issuer : str
        As the provider writes it, character for character; `https` unless it is on this machine.
    client_id : str
    client_secret : Secret
        `${file:PATH}` or `${env:NAME}`; left out for a public client.
    address : str
        Of the console as browsers reach it, `https://desk.city.example`; the provider must allow
        `ADDRESS/api/oidc/callback`. Left out, the console's own.
    scopes : str
        With blanks between them.
    user_claim : str
        What commands and the audit call the person: it must not change, nor go to somebody else.
    name_claim : str
    role_claim : str
    roles : dict of str to str
        Role by a value of the claim; the first one counts that the person has.
    lifelines, districts, desks : ClaimedNames
        As an account of the file of users has them; left out, the role holds everywhere.
    """

    issuer: Text
    client_id: Text
    client_secret: Secret | None = None
    address: Text | None = None
    scopes: Text = "openid profile"
    user_claim: Text = "preferred_username"
    name_claim: Text = "name"
    role_claim: Text = "groups"
    roles: dict[str, RoleName]
    lifelines: ClaimedNames | None = None
    districts: ClaimedNames | None = None
    desks: ClaimedNames | None = None


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
    oidc : OidcSettings or None
        Left out, those of `users` alone sign in.
    """

    host: Text = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8443
    users: Text = "console-users.yaml"
    certificate_file: Text | None = None
    key_file: Text | None = None
    key: Secret | None = None
    oidc: OidcSettings | None = None
