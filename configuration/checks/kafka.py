"""What is wrong with how clients connect to Kafka."""

from typing import Final

from configuration.yaml.fill import Page
from configuration.yaml.findings import Path
from contracts.kafka import Kafka, Sasl

PRODUCTION: Final = "production"


def check_kafka(kafka: Kafka, profile: str, page: Page) -> None:
    """Refuse parts that do not fit together, and what a production profile may not do."""
    protocol, where = kafka.security_protocol, ("kafka",)
    if kafka.sasl is None and kafka.logs_in:
        page.find(where, f"expected `sasl` beside {protocol}, got none; add it", key=True)
    if kafka.sasl is not None:
        if not kafka.logs_in:
            _misplaced((*where, "sasl"), "SASL_SSL", page)
        _check_sasl(kafka.sasl, page)
    if kafka.tls is not None:
        if not kafka.encrypts:
            _misplaced((*where, "tls"), protocol.replace("PLAINTEXT", "SSL"), page)
        if (kafka.tls.certificate_file is None) != (kafka.tls.key_file is None):
            text = "expected both `certificate_file` and `key_file`, got one; add the other"
            page.find((*where, "tls"), text, key=True)
    if profile == PRODUCTION:
        _check_production(kafka, page)


def _misplaced(path: Path, protocol: str, page: Page) -> None:
    text = f"expected `security_protocol: {protocol}` beside it, got another; set it or delete this"
    page.find(path, text, key=True)


def _check_sasl(sasl: Sasl, page: Page) -> None:
    """Each mechanism has what it needs and nothing that it would pass over."""
    with_token = sasl.mechanism == "OAUTHBEARER"
    given = {name: getattr(sasl, name) is not None for name in ("username", "password", "token")}
    for name, there in given.items():
        wanted = (name == "token") == with_token
        path = ("kafka", "sasl")
        if wanted and not there:
            text = f"expected the key '{name}' beside {sasl.mechanism}, got none; add it"
            page.find(path, text, key=True)
        elif there and not wanted:
            text = f"expected no '{name}' beside {sasl.mechanism}, got one; leave it out"
            page.find((*path, name), text, key=True)


def _check_production(kafka: Kafka, page: Page) -> None:
    if exposed := plain_text(kafka):
        page.find(("kafka", "security_protocol"), exposed)
    if kafka.tls is not None and not kafka.tls.check_hostname:
        text = "expected true under `profile: production`, got false; give brokers certificates "
        page.find(("kafka", "tls", "check_hostname"), f"{text}that name their hosts")


def plain_text(kafka: Kafka) -> str:
    """What production refuses about unencrypted connections; empty where there are none."""
    broker = kafka.exposed()
    if not broker:
        return ""
    wanted = kafka.security_protocol.replace("PLAINTEXT", "SSL")
    return (
        f"expected SSL or SASL_SSL under `profile: production`, got {kafka.security_protocol} to "
        f"{broker}; set `kafka.security_protocol: {wanted}`"
    )
