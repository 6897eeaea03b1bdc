"""How a worker meets its broker, and what its consumers are told of that."""

from dataclasses import dataclass, field

import msgspec

from broker.acl import desk_group
from configuration.settings import Settings
from contracts.ports.clock import Clock, WallClock
from contracts.ports.tracing import UNTRACED, Tracer
from contracts.topics import TopicNames
from ingest.kafka.commands import COMMANDS_PER_FETCH, CommandSettings
from ingest.kafka.settings import KafkaSettings
from runtime.watchdog import Patience

HEARTBEAT_MS = 3_000


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker meets its broker.

    Parameters
    ----------
    lifeline : str
    lanes : tuple of int or None
        Lanes to take without asking the group; None lets the group choose.
    instance : str or None
        Static membership under this name.
    embedded_broker : bool
        The demo's broker, in this process: it writes no checksums, and is late when the process
        is, never away.
    clock : Clock
    patience : Patience
        How long lanes may stand before the clients are made anew.
    tracer : Tracer
    """

    lifeline: str
    lanes: tuple[int, ...] | None = None
    instance: str | None = None
    embedded_broker: bool = False
    clock: Clock = field(default_factory=WallClock)
    patience: Patience = field(default_factory=Patience)
    tracer: Tracer = UNTRACED


def source_settings(settings: Settings, options: WorkerOptions) -> KafkaSettings:
    """Everything about the consumer of telemetry."""
    limits = settings.limits
    session_ms = settings.session_timeout.ns // 1_000_000
    return KafkaSettings(
        bootstrap=settings.kafka.bootstrap,
        security=settings.kafka,
        topic=TopicNames(settings.app).telemetry(options.lifeline),
        lifeline=options.lifeline,
        group=f"{settings.app}-{options.lifeline}",
        lanes=options.lanes,
        instance=options.instance,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=min(HEARTBEAT_MS, session_ms // 3),
        max_partition_fetch_bytes=max(limits.message_bytes, limits.poll_bytes // 8),
        fetch_max_bytes=limits.poll_bytes,
        records_per_fetch=limits.poll_records,
        check_crcs=not options.embedded_broker,
    )


def desk_source_settings(settings: Settings, options: WorkerOptions) -> KafkaSettings:
    """Everything about the consumer of the desk stage's commands, which says who the stage is."""
    app, telemetry = settings.app, source_settings(settings, options)
    topic = TopicNames(app).commands(options.lifeline)
    return msgspec.structs.replace(
        telemetry,
        topic=topic,
        group=desk_group(app),
        records_per_fetch=COMMANDS_PER_FETCH,
    )


def command_settings(settings: Settings, options: WorkerOptions) -> CommandSettings:
    """Everything about the consumer of commands."""
    return CommandSettings(
        bootstrap=settings.kafka.bootstrap,
        security=settings.kafka,
        topic=TopicNames(settings.app).commands(options.lifeline),
        lifeline=options.lifeline,
        check_crcs=not options.embedded_broker,
    )
