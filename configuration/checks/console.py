"""What is wrong with how the console is reached, and with who signs people in."""

from urllib.parse import urlsplit

from configuration.checks.kafka import PRODUCTION
from configuration.yaml.fill import Page
from contracts.kafka import is_on_loopback
from contracts.settings.console import ConsoleSettings, OidcSettings


def check_console(console: ConsoleSettings, profile: str, page: Page) -> None:
    """Refuse half a certificate, and passwords in the clear under a production profile."""
    if (console.certificate_file is None) != (console.key_file is None):
        text = "expected `certificate_file` and `key_file` together, got one of them; add the other"
        page.find(("console",), text, key=True)
    elif profile == PRODUCTION and not (console.key_file or is_on_loopback(console.host)):
        text = (
            "expected `certificate_file` and `key_file` beyond this machine under "
            f"`profile: production`, got none for {console.host}; add them"
        )
        page.find(("console",), text, key=True)
    if console.oidc is not None:
        _check_oidc(console.oidc, console.host, profile, page)


def _check_oidc(oidc: OidcSettings, host: str, profile: str, page: Page) -> None:
    """Refuse what cannot work, and tokens in the clear under a production profile."""
    at = ("console", "oidc")
    for name in ("issuer", "address"):
        text = getattr(oidc, name)
        if text is None:
            continue
        if not _is_address(text):
            page.refuse((*at, name), "an address such as `https://id.city.example`", text)
        elif profile == PRODUCTION and _in_the_clear(text):
            advice = "whoever is on the way would sign in as anybody"
            page.refuse((*at, name), "`https` beyond this machine", text, advice)
    if "openid" not in oidc.scopes.split():
        page.refuse((*at, "scopes"), "`openid` among the scopes", oidc.scopes)
    if not oidc.roles:
        page.find((*at, "roles"), "expected a role for at least one value, got none; add one")
    if oidc.address is None and not is_on_loopback(host):
        text = f"expected `address`, as browsers reach the console, got none for {host}; add it"
        page.find(at, text, key=True)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = not (parts.username or parts.query or parts.fragment)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain
    except ValueError:
        return False


def _in_the_clear(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "http" and not is_on_loopback(parts.hostname or "")
