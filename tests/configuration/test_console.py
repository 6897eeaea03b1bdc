"""The section `console` of the settings, and the file of users."""

from pathlib import Path

import pytest

from configuration.settings import read_settings
from configuration.yaml.findings import Findings
from configuration.yaml.located import located
from contracts.errors import ConfigError
from operate.console.users import load_users

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"


def found(console: str, profile: str = "development") -> list[str]:
    """What is wrong with a section."""
    text = (
        f"profile: {profile}\nkafka: {{bootstrap: '127.0.0.1:9092'}}\n"
        "lifelines: {water: {partitions: 1}}\n"
        f"commands: {{keys: {{}}, roles: {{}}}}\nconsole: {console}\n"
    )
    findings = Findings()
    tree = located("tocsin.yaml", text.encode(), findings)
    assert tree is not None
    read_settings("tocsin.yaml", tree, {}, findings)
    return [line for line in findings.lines() if "console" in line]


def test_beyond_loopback_production_demands_tls() -> None:
    (line,) = found("{host: 0.0.0.0}", "production")
    assert "expected `certificate_file` and `key_file` beyond this machine" in line
    assert not found("{host: 0.0.0.0}")
    assert not found("{host: 127.0.0.1}", "production")
    assert not found("{host: 0.0.0.0, certificate_file: a, key_file: b}", "production")


def test_half_a_certificate_and_a_secret_in_the_file_are_refused() -> None:
    assert "together" in found("{certificate_file: a}")[0]
    assert "${file:PATH}" in found("{key: hunter2}")[0]
    assert "hunter2" not in found("{key: hunter2}")[0]


GOOD = "issuer: 'https://id.city.example', client_id: desk, roles: {leads: supervisor}"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (", address: 'desk.city.example'", "console.oidc.address: expected an address such as"),
        (", address: 'http://desk.city.example'", "`https` beyond this machine"),
        (", scopes: profile", "expected `openid` among the scopes"),
        (", client_secret: hunter2", "${file:PATH}"),
        (", role: admin", "role"),
    ],
)
def test_a_provider_that_cannot_be_is_refused(changed: str, words: str) -> None:
    assert not found(f"{{oidc: {{{GOOD}}}}}", "production")
    (line,) = found(f"{{oidc: {{{GOOD}{changed}}}}}", "production")
    assert words in line
    assert "hunter2" not in line


def test_production_believes_no_issuer_in_the_clear_but_on_this_machine() -> None:
    clear = GOOD.replace("https", "http")
    (line,) = found(f"{{oidc: {{{clear}}}}}", "production")
    assert "expected `https` beyond this machine, got 'http://id.city.example'" in line
    assert not found(f"{{oidc: {{{clear}}}}}")
    here = clear.replace("id.city.example", "127.0.0.1:9000/realms/city")
    assert not found(f"{{oidc: {{{here}}}}}", "production")
    for wrong in ("id.city.example", "https://u:p@id.city.example", "https://id.city.example/?a=1"):
        (line,) = found(f"{{oidc: {{{GOOD.replace('https://id.city.example', wrong)}}}}}")
        assert "console.oidc.issuer" in line


def test_a_provider_needs_roles_and_where_browsers_reach_the_console() -> None:
    (line,) = found(f"{{oidc: {{{GOOD.replace('{leads: supervisor}', '{}')}}}}}")
    assert "expected a role for at least one value" in line
    (line,) = found(f"{{host: 0.0.0.0, oidc: {{{GOOD}}}}}")
    assert "expected `address`, as browsers reach the console, got none for 0.0.0.0" in line


def test_users_are_read_and_what_is_wrong_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "users.yaml"
    file.write_text(f"users:\n  li: {{name: Li, role: operator, hash: '{HASH}'}}\n")
    assert load_users(file)["li"].role == "operator"
    file.write_text("users:\n  li: {name: Li, role: king, hash: plain}\n")
    with pytest.raises(ConfigError, match=r"users\.yaml:2:"):
        load_users(file)
    with pytest.raises(ConfigError, match="expected who may sign in, got an error"):
        load_users(tmp_path / "none.yaml")
