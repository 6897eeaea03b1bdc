"""What is wrong with where a history lies, and how its database is reached."""

from configuration.checks.kafka import PRODUCTION
from configuration.yaml.fill import Page
from contracts.kafka import masked
from contracts.settings.history import POSTGRESQL, HistorySettings, url_fault


def check_history(history: HistorySettings, profile: str, page: Page) -> None:
    """Refuse an address that is none, and what a production profile may not do."""
    url = history.url or ""
    if url and (expected := url_fault(url)):
        page.refuse(("history", "url"), expected, masked(url))
        return
    away = url.startswith(POSTGRESQL)
    for name in ("password", "tls", "ca_file"):
        if getattr(history, name) and not away:
            text = f"expected no '{name}' beside a file, got one; leave it out"
            page.find(("history", name), text, key=True)
    if history.ca_file and not history.tls and away:
        text = "expected `tls: true` beside it, got none; set it or delete this"
        page.find(("history", "ca_file"), text, key=True)
    if profile == PRODUCTION and (host := history.exposed()):
        text = f"expected `tls: true` under `profile: production`, got none to {host}; set it"
        page.find(("history",), text, key=True)
