"""Settings of a worker: where Kafka is, which lifelines there are, and every limit."""

import os
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from configuration.checks.commands import check_commands
from configuration.checks.console import check_console
from configuration.checks.history import check_history
from configuration.checks.kafka import check_kafka
from configuration.commands import CommandRules
from configuration.yaml.fill import FromEnvironment, Page, fill
from configuration.yaml.findings import Findings, Path
from configuration.yaml.located import Located
from configuration.yaml.source import read_located
from contracts.civil_time import CITY_ZONE, ZONES, civil_zone
from contracts.errors import ConfigError
from contracts.kafka import Kafka, Secret, has_credentials, masked
from contracts.quantities import Duration
from contracts.settings.console import ConsoleSettings
from contracts.settings.history import HistorySettings
from pipeline.lane.outbox import TRANSACTION_OUTPUTS

FILE: Final = "tocsin.yaml"  # of a configuration folder
PARTITIONS_MAX: Final = 1024
TRANSACTION_NS_MIN: Final = 1_000_000_000
SESSION_NS_MIN: Final = 1_000_000_000
_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_APP = re.compile(r"[a-z][a-z0-9-]{0,62}")
_LIFELINE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ORIGIN = re.compile(r"[^\s+]+")
_BROKER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
PORT_MAX: Final = 65_535
# Where a secret stands: it is read when a client connects, by those alone who connect.
SECRETS: Final[frozenset[Path]] = frozenset(
    {
        ("kafka", "sasl", "password"),
        ("kafka", "sasl", "token"),
        ("kafka", "tls", "key_password"),
        ("history", "password"),
        ("console", "key"),
        ("console", "oidc", "client_secret"),
        ("ledger", "key"),
        ("reload", "token"),
    }
)
# Where an address stands that may carry credentials.
ADDRESSES: Final[tuple[Path, ...]] = (("state",), ("ledger", "store"))
BOOTSTRAP: Final = "`host:port`, with commas between several"

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Lifeline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lanes of one lifeline, and who gives way when a machine has too much to do.

    Parameters
    ----------
    partitions : int
        Pinned, since groups live in `murmur2 mod n`.
    nice : int
        The operating system's niceness of its workers: 0 goes first, 19 goes last. Lifelines that
        guard life keep 0; a burst of those that can wait then takes no processor from them.
    """

    partitions: Annotated[int, Meta(ge=1, le=PARTITIONS_MAX)]
    nice: Annotated[int, Meta(ge=0, le=19)] = 0


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where metrics and health are served.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    series : {'lane', 'lifeline'} or None
        Whether each lane has series of its own in Prometheus, or the label `lane` names the
        lifeline; left out, the latter where more than 24 lanes are configured.
    """

    host: Text = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 9108
    series: Literal["lane", "lifeline"] | None = None


class ReloadRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a running worker is made to read its configuration again, besides by SIGHUP.

    Parameters
    ----------
    every : Duration or None
        How often it looks whether files of its folder have changed; left out, it does not.
    host : str
    port : int or None
        Where it answers `POST /reload`, apart from metrics; left out, it does not.
    desk_port : int or None
        The same of the desk stage, which may run beside a worker with the same settings.
    token : Secret or None
        What whoever asks there must send; `${env:NAME}` or `${file:PATH}`.
    """

    every: Duration | None = None
    host: Text = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    desk_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    token: Secret | None = None

    def of_desk(self) -> "ReloadRules":
        """Those of the desk stage: its port, and all else as for workers."""
        return msgspec.structs.replace(self, port=self.desk_port)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Most of everything that a worker holds at once.

    Parameters
    ----------
    poll_records, poll_bytes : int
        Of one poll of one lane.
    message_bytes, readings_per_message, batches_per_message : int
        Of one Kafka message; what is larger is a dead letter.
    """

    poll_records: Count = 20_000
    poll_bytes: Count = 16 << 20
    message_bytes: Count = 1 << 20
    readings_per_message: Count = 100_000
    batches_per_message: Count = 64


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a lane's state is written, whichever comes first."""

    every: Duration = Duration("60 s")
    or_readings: Count = 5_000_000


class LedgerStore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record of what was told and done that nobody can change unseen; see `docs/ledger.md`.

    Parameters
    ----------
    origin : str
        Name of the ledger in its checkpoints, as an address that the operator owns:
        `city.example/tocsin`. Another name is another ledger.
    store : str
        Where its files go: a folder, or an address that `pyarrow.fs` understands.
    key : Secret
        Ed25519 private key as PEM: `${file:PATH}` or `${env:NAME}`.
    """

    origin: Annotated[str, Meta(min_length=1, max_length=200)]
    store: Text
    key: Secret

    def __repr__(self) -> str:
        """As usual, but for the credentials that a variable may have brought into the address."""
        store = masked(self.store)
        return f"LedgerStore(origin={self.origin!r}, store={store!r}, key={self.key!r})"


class TraceRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether workers send OpenTelemetry spans, one for each micro-batch; see `docs/traces.md`.

    Parameters
    ----------
    endpoint : str or None
        Where a collector takes them, OTLP over HTTP: `http://collector:4318/v1/traces`; left out,
        nothing is traced.
    share : float
        Of micro-batches whose spans are sent.
    """

    endpoint: Annotated[str, Meta(pattern=r"^https?://.+")] | None = None
    share: Annotated[float, Meta(ge=0, le=1)] = 1.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about a worker that does not change what its lanes emit, and what lanes pin.

    Parameters
    ----------
    app : str
        First part of consumer groups and transactional ids.
    profile : str
        `production` refuses what only a test bench may do: brokers beyond this machine without TLS,
        host names that are not checked, and commands that anyone may give.
    zone : str
        IANA name of the city's time zone, by which rules count hours and days and alarms are
        stamped. Part of the bundle, as are the lanes.
    kafka : Kafka
    lifelines : dict of str to Lifeline
    state : str
        Where snapshots go: a folder, or an address that `pyarrow.fs` understands.
    http : Http
    limits : Limits
    snapshot : Snapshot
    commands : CommandRules or None
    history : HistorySettings
    ledger : LedgerStore or None
    console : ConsoleSettings
    reload : ReloadRules
    traces : TraceRules
    transaction_timeout : Duration
        How long a dead worker's open transaction may hide its lane.
    transaction_outputs : int
        Most alarms and dead letters in one transaction; a storm takes as many as it needs, and
        each must end well inside the timeout.
    session_timeout : Duration
        How long a worker may be silent before its lanes go to others.
    """

    app: str = "tocsin"
    profile: Literal["development", "production"] = "development"
    zone: Annotated[str, Meta(min_length=1, max_length=60)] = CITY_ZONE
    kafka: Kafka
    lifelines: dict[str, Lifeline]
    state: Text = "./state"
    http: Http = Http()
    limits: Limits = Limits()
    snapshot: Snapshot = Snapshot()
    commands: CommandRules | None = None
    history: HistorySettings = HistorySettings()
    ledger: LedgerStore | None = None
    console: ConsoleSettings = ConsoleSettings()
    reload: ReloadRules = ReloadRules()
    traces: TraceRules = TraceRules()
    transaction_timeout: Duration = Duration("10 s")
    transaction_outputs: Annotated[int, Meta(ge=1, le=100_000)] = TRANSACTION_OUTPUTS
    session_timeout: Duration = Duration("30 s")

    def __repr__(self) -> str:
        """As usual, but for the credentials that a variable may have brought into the address."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        fields["state"] = masked(self.state)
        shown = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        return f"{type(self).__name__}({shown})"


def load_settings(folder: FilePath, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of a folder alone, for a process that needs no rules.

    Parameters
    ----------
    folder : Path
    environment : mapping, optional
        Variables for `${env:NAME}`; those of the process by default.

    Raises
    ------
    ConfigError
        With every finding in them.
    """
    findings, path = Findings(), folder / FILE
    tree = read_located(path, findings)
    variables = os.environ if environment is None else environment
    found = None if tree is None else read_settings(path.as_posix(), tree, variables, findings)
    if found is None:
        raise ConfigError(*findings.lines())
    return found


def read_settings(
    file: str, tree: Located, environment: Mapping[str, str], findings: Findings
) -> Settings | None:
    """Settings from a file's data; None when anything was wrong."""
    page = Page(file, tree, findings)
    before = len(findings)
    data = _filled(tree.data, (), page, environment)
    filled = Page(file, Located(data, tree.values, tree.keys), findings)
    settings = fill(Settings, filled)
    if settings is not None:
        _judge(settings, filled)
    return settings if len(findings) == before else None


def _filled(data: Any, path: Path, page: Page, environment: Mapping[str, str]) -> Any:
    """Data with `${env:NAME}` replaced, but for secrets."""
    if isinstance(data, dict):
        return {key: _filled(item, (*path, key), page, environment) for key, item in data.items()}
    if isinstance(data, list):
        return [_filled(item, (*path, i), page, environment) for i, item in enumerate(data)]
    if not isinstance(data, str) or "${" not in data or path in SECRETS:
        return data
    match = _ENVIRONMENT.fullmatch(data)
    if match is None:
        page.refuse(path, "`${env:NAME}` as the whole value", data, "put all of it in a variable")
        return data
    if match[1] not in environment:
        text = f"expected the environment variable {match[1]}, got none; set it"
        page.find(path, text)
        return data
    return FromEnvironment(match[1], environment[match[1]])


def is_bootstrap(text: str) -> bool:
    """Whether a text names brokers as clients take them.

    >>> is_bootstrap("kafka-1:9092, kafka-2:9092"), is_bootstrap("kafka-1"), is_bootstrap("a:99999")
    (True, False, False)
    """
    found = [_BROKER.fullmatch(broker.strip()) for broker in text.split(",")]
    return all(match is not None and 0 < int(match[2]) <= PORT_MAX for match in found)


def shown_bootstrap(text: str) -> tuple[str, str]:
    """What a message quotes of an address that was refused, and what it advises."""
    advice = "names and passwords belong in `kafka.sasl`" if "@" in text else ""
    return masked(text), advice


def _judge_addresses(page: Page) -> None:
    """Refuse credentials that stand in the file; those of a variable are masked where printed."""
    for path in ADDRESSES:
        address = page.located.data
        for key in path:
            address = (address or {}).get(key)
        if not isinstance(address, FromEnvironment) and has_credentials(str(address)):
            advice = (
                "the store takes them from its own variables (AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY) or from the machine's role; or put the whole address in "
                "`${env:NAME}`"
            )
            expected = "an address without credentials"
            page.refuse(path, expected, masked(str(address)), advice)


def _judge(settings: Settings, page: Page) -> None:
    if not _APP.fullmatch(settings.app):
        page.refuse(("app",), "lower-case letters, digits and `-`", settings.app)
    try:
        civil_zone(settings.zone)
    except ValueError as error:
        page.refuse(("zone",), ZONES, settings.zone, str(error))
    if not is_bootstrap(settings.kafka.bootstrap):
        page.refuse(("kafka", "bootstrap"), BOOTSTRAP, *shown_bootstrap(settings.kafka.bootstrap))
    check_kafka(settings.kafka, settings.profile, page)
    check_history(settings.history, settings.profile, page)
    check_console(settings.console, settings.profile, page)
    _judge_addresses(page)
    if not settings.lifelines:
        page.find(("lifelines",), "expected at least one lifeline, got none; add one")
    for name in settings.lifelines:
        if not _LIFELINE.fullmatch(name):
            text = f"expected a lifeline such as 'water', got {name!r}; rename it"
            page.find(("lifelines", name), text, key=True)
    check_commands(settings.commands, settings.lifelines, page, settings.profile)
    _judge_ledger_and_reload(settings, page)
    _judge_times(settings, page)


def _judge_ledger_and_reload(settings: Settings, page: Page) -> None:
    if settings.ledger is not None and not _ORIGIN.fullmatch(settings.ledger.origin):
        origin = settings.ledger.origin
        page.refuse(("ledger", "origin"), "a name without blanks and `+`", origin)
    reload = settings.reload
    for name, port in (("port", reload.port), ("desk_port", reload.desk_port)):
        if port is not None and reload.token is None:
            text = "expected a token beside the port, got none; name where it lies, as ${file:PATH}"
            page.find(("reload", name), text)
    if reload.port and reload.port == reload.desk_port:
        text = (
            f"expected another port than that of workers, got {reload.desk_port}; take a free one"
        )
        page.find(("reload", "desk_port"), text)


def _judge_times(settings: Settings, page: Page) -> None:
    times: dict[Path, Duration] = {
        ("snapshot", "every"): settings.snapshot.every,
        ("transaction_timeout",): settings.transaction_timeout,
        ("session_timeout",): settings.session_timeout,
    }
    if settings.reload.every is not None:
        times["reload", "every"] = settings.reload.every
    for path, time in times.items():
        if time.periods:
            page.refuse(path, "a time", str(time), "only classes have periods")
        elif not time.ns:
            page.refuse(path, "more than no time", str(time))
    timeout, session = settings.transaction_timeout, settings.session_timeout
    if 0 < timeout.ns < TRANSACTION_NS_MIN:
        advice = "a flush under load would time out"
        page.refuse(("transaction_timeout",), "at least 1 s", str(timeout), advice)
    if 0 < session.ns < SESSION_NS_MIN:
        advice = "a busy worker would lose its lanes"
        page.refuse(("session_timeout",), "at least 1 s", str(session), advice)
