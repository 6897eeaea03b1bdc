"""What is wrong with how the console is reached."""

from configuration.checks.kafka import PRODUCTION
from configuration.yaml.fill import Page
from contracts.kafka import is_on_loopback
from contracts.settings.console import ConsoleSettings


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
