"""How clients meet Kafka: what does not fit together is refused, and no secret stands in a file."""

from pathlib import Path

import pytest
from msgspec import inspect

from app.cli.main import main
from configuration.configuration import Configuration
from configuration.settings import SECRETS, Settings
from contracts.kafka import Kafka, Secret
from tests.testkit.config_folder import COMMANDS, SETTINGS, findings_of, folder_with

AFTER = SETTINGS.split("\n", 1)[1]
HOSTS = 'bootstrap: "kafka-1:9093"'
SCRAM = "mechanism: SCRAM-SHA-512, username: worker"
CANARY = "canary-7d1f"


def settings_with(kafka: str, more: str = "") -> dict[str, str | bytes]:
    return {"tocsin.yaml": f"kafka: {{{kafka}}}\n{AFTER}{more}"}


@pytest.mark.parametrize(
    ("kafka", "finding"),
    [
        (
            f"security_protocol: SASL_SSL, sasl: {{{SCRAM}, password: {CANARY}}}",
            "kafka.sasl.password: expected `${env:NAME}` or `${file:PATH}`, got something else; "
            "put the secret itself in one of them",
        ),
        (
            f"security_protocol: SASL_SSL, sasl: {{{SCRAM}, password: [{CANARY}]}}",
            "kafka.sasl.password: expected `${env:NAME}` or `${file:PATH}`, got something else; "
            "put the secret itself in one of them",
        ),
        (
            "security_protocol: SASL_SSL",
            "kafka: expected `sasl` beside SASL_SSL, got none; add it",
        ),
        (
            f"sasl: {{{SCRAM}, password: '${{env:P}}'}}",
            "kafka.sasl: expected `security_protocol: SASL_SSL` beside it, got another; set it or "
            "delete this",
        ),
        (
            "tls: {ca_file: ca.pem}",
            "kafka.tls: expected `security_protocol: SSL` beside it, got another; set it or "
            "delete this",
        ),
        (
            "security_protocol: SSL, tls: {certificate_file: a.pem}",
            "kafka.tls: expected both `certificate_file` and `key_file`, got one; add the other",
        ),
        (
            f"security_protocol: SASL_SSL, sasl: {{{SCRAM}}}",
            "kafka.sasl: expected the key 'password' beside SCRAM-SHA-512, got none; add it",
        ),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER, token: '${file:/t}', "
            "username: u}",
            "kafka.sasl.username: expected no 'username' beside OAUTHBEARER, got one; leave it out",
        ),
    ],
)
def test_parts_that_do_not_fit_are_named_and_a_secret_is_never_quoted(
    kafka: str, finding: str, tmp_path: Path
) -> None:
    (found,) = findings_of(tmp_path, settings_with(f"{HOSTS}, {kafka}"))
    assert found.split(": ", 1)[1] == finding
    assert CANARY not in found


def test_credentials_in_an_address_are_masked_and_refused(tmp_path: Path) -> None:
    files = settings_with(f'bootstrap: "worker:{CANARY}@kafka-1:9093"')
    assert findings_of(tmp_path, files) == [
        "tocsin.yaml:1:20: kafka.bootstrap: expected `host:port`, with commas between several, got "
        "'***@kafka-1:9093'; names and passwords belong in `kafka.sasl`"
    ]
    files = settings_with(HOSTS, f"state: s3://key:{CANARY}@bucket/tocsin\n")
    (found,) = findings_of(tmp_path, files)
    assert "state: expected an address without credentials, got 's3://***@bucket/tocsin'" in found
    assert "AWS_SECRET_ACCESS_KEY" in found


def test_a_state_address_from_a_variable_is_masked_where_it_is_shown(tmp_path: Path) -> None:
    address = f"s3://key:{CANARY}@bucket/tocsin"
    folder = folder_with(tmp_path, settings_with(HOSTS, "state: ${env:STATE}\n"))
    settings = Configuration.load(folder, {"STATE": address}).settings
    assert settings.state == address
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--bootstrap", f"worker:{CANARY}@kafka-1:9093"), ("--state", f"s3://key:{CANARY}@bucket/x")],
)
def test_credentials_on_a_command_line_are_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_with(tmp_path, {})
    try:
        code = main(["run", "--configs", str(folder), option, value])
    except SystemExit as refused:  # the parser's own way
        code = int(refused.code or 0)
    said = capsys.readouterr().err
    assert code == 2
    assert f"{option}: expected" in said
    assert "***@" in said
    assert CANARY not in said


PLAIN = (
    "expected SSL or SASL_SSL under `profile: production`, got PLAINTEXT to kafka-1:9093; set "
    "`kafka.security_protocol: SSL`"
)


def test_production_refuses_what_can_be_read_on_the_way_and_names_that_are_not_checked(
    tmp_path: Path,
) -> None:
    production = f"profile: production\n{COMMANDS}"
    assert findings_of(tmp_path, settings_with(HOSTS, production)) == [
        f"tocsin.yaml:1:8: kafka.security_protocol: {PLAIN}"
    ]
    unchecked = f"{HOSTS}, security_protocol: SSL, tls: {{check_hostname: false}}"
    (found,) = findings_of(tmp_path, settings_with(unchecked, production))
    assert "kafka.tls.check_hostname: expected true under `profile: production`" in found
    good = f"{HOSTS}, security_protocol: SSL"
    assert findings_of(tmp_path, settings_with(good, production)) == []
    assert findings_of(tmp_path, settings_with('bootstrap: "localhost:1"', production)) == []
    assert findings_of(tmp_path, settings_with(unchecked)) == []


def test_another_address_is_judged_like_the_one_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_with(tmp_path, {"tocsin.yaml": f"profile: production\n{COMMANDS}{SETTINGS}"})
    words = ["topics", "--configs", str(folder)]
    assert main(words) == 0
    assert main([*words, "--bootstrap", "kafka-1:9093"]) == 2
    assert f"--bootstrap: {PLAIN}" in capsys.readouterr().err


def test_brokers_beyond_this_machine_in_the_clear_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for kafka, count in ((HOSTS, 1), (f"{HOSTS}, security_protocol: SSL", 0)):
        caplog.clear()
        folder = folder_with(tmp_path, settings_with(kafka))
        assert main(["topics", "--configs", str(folder)]) == 0
        said = [
            r.getMessage() for r in caplog.records if "kafka.security_protocol" in r.getMessage()
        ]
        assert len(said) == count


@pytest.mark.parametrize(
    ("bootstrap", "found"),
    [
        ("127.0.0.1:1,localhost:2,[::1]:3", ""),
        ("127.0.0.1:1, 10.0.0.7:2", "10.0.0.7:2"),
        ("localhost.example.org:1", "localhost.example.org:1"),
    ],
)
def test_only_this_machine_itself_is_spoken_to_in_the_clear_unnoticed(
    bootstrap: str, found: str
) -> None:
    assert Kafka(bootstrap=bootstrap).exposed() == found


def secrets_of(node: inspect.Type, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Where a struct holds secrets."""
    if isinstance(node, inspect.UnionType):
        return set().union(*(secrets_of(kind, path) for kind in node.types))
    if isinstance(node, inspect.StructType):
        fields = ((f.type, (*path, f.encode_name)) for f in node.fields)
        return set().union(*(secrets_of(*field) for field in fields))
    return {path} if isinstance(node, inspect.CustomType) and node.cls is Secret else set()


def test_no_secret_is_read_while_a_configuration_is_loaded(tmp_path: Path) -> None:
    assert secrets_of(inspect.type_info(Settings)) == SECRETS
    sasl = f"sasl: {{{SCRAM}, password: '${{env:NOT_SET}}'}}"
    folder = folder_with(tmp_path, settings_with(f"{HOSTS}, security_protocol: SASL_SSL, {sasl}"))
    kafka = Configuration.load(folder, {"NOT_SET": CANARY}).settings.kafka
    assert kafka.sasl is not None
    assert kafka.sasl.password == Secret("${env:NOT_SET}")
    assert CANARY not in repr(kafka)
