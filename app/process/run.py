"""`tocsin run` and `tocsin notify`."""

import argparse
import logging
import os
from functools import partial
from importlib.metadata import version

from app.process.desk_worker import DeskWorker, PartsOf, desk_reload
from app.process.lifeline_worker import LifelineWorker
from app.process.lifeline_workers import LifelineWorkers
from app.process.notifier import Notifier, kafka_ports
from app.process.serving import serve
from app.process.worker_options import WorkerOptions
from broker.acl import DESK
from configuration.configuration import Configuration
from configuration.desk.duty import load_duty
from configuration.desk.notices import FOLDER as NOTICES
from configuration.desk.notices import duties_of, load_notices
from configuration.settings import ReloadRules
from contracts.civil_time import civil_zone
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.config_reload import ConfigReload, reload_triggers
from operate.settings import settled
from pipeline.snapshot.copy_buffer import SnapshotSlot
from runtime.bounded_log import START_LOG
from runtime.collector import seldom
from runtime.queues import OneThread, short_turns
from sinks.http.desk_metrics import DeskCollector
from sinks.http.lane_groups import series_of
from sinks.http.metrics import MetricsCollector
from sinks.http.notice_metrics import NoticeCollector
from sinks.traces.tracing import tracing

start_log = logging.getLogger(START_LOG)


def say_started(configuration: Configuration, lanes: str) -> None:
    """Log what runs here: one line a start, of one event."""
    words = (version("tocsin"), configuration.hash, lanes)
    start_log.info("started: version %s, configuration %s, lanes of %s", *words)


def give_way(nice: int) -> None:
    """Take the declared place in the order of overload; a nicer start, by hand, is kept."""
    os.nice(max(nice - os.nice(0), 0))


async def run_worker(arguments: argparse.Namespace) -> int:
    """Own lanes until SIGTERM or SIGINT, then drain; told twice, or too slow, it leaves at once."""
    configuration = settled(arguments)
    settings, instance = configuration.settings, arguments.instance
    with tracing(settings.app, settings.traces.endpoint, settings.traces.share) as tracer:
        options_of = [
            WorkerOptions(lifeline=name, instance=instance, tracer=tracer)
            for name in arguments.lifeline
        ]
        slot = SnapshotSlot(OneThread("snapshot_file"))
        services = [LifelineWorker(configuration, options, slot) for options in options_of]
        reload = ConfigReload(arguments, (configuration.hash, settings), services)
        workers = LifelineWorkers(services, lambda: reload.status)
        rules = ReloadRules() if arguments.supervised else settings.reload
        lanes = (f"{name} ({configuration.partitions[name]})" for name in arguments.lifeline)
        say_started(configuration, ", ".join(lanes))
        give_way(min(settings.lifelines[name].nice for name in arguments.lifeline))
        series = settings.http.series or series_of(sum(configuration.partitions.values()))
        collector_of = partial(MetricsCollector, series=series)
        async with reload_triggers(rules, arguments.configs, reload.ask):
            with seldom():  # a storm opens as many alarms in a lane
                ask = partial(reload.ask, "SIGHUP")
                return await serve(workers, settings.http, collector_of, ask)


async def run_desk(arguments: argparse.Namespace, parts_of: PartsOf) -> int:
    """Be the desk stage, or wait to be, until SIGTERM or SIGINT; leaves as a worker does."""
    configuration = settled(arguments)
    options = WorkerOptions(lifeline=DESK, instance=arguments.instance)
    worker = DeskWorker(configuration, options, parts_of(configuration))
    say_started(configuration, f"{DESK} (1)")
    settings = configuration.settings
    reload = desk_reload(arguments, settings, worker, parts_of)
    rules = settings.reload.of_desk()
    with seldom(), short_turns():
        async with reload_triggers(rules, arguments.configs, reload.ask):
            return await serve(worker, settings.http, DeskCollector, partial(reload.ask, "SIGHUP"))


async def run_notify(arguments: argparse.Namespace) -> int:
    """Tell notices to receivers until SIGTERM or SIGINT; leaves as a worker does."""
    configuration = settled(arguments)
    settings, folder = configuration.settings, arguments.configs
    duty = load_duty(folder, civil_zone(settings.zone), settings.lifelines)
    desks = [desk.id for desk in duty.plan.desks]
    levels = [level.id for level in duty.plan.desks.levels]
    receivers = load_notices(folder, desks, settings.profile, levels)
    if not receivers:
        msg = f"{folder / NOTICES}: expected at least one receiver, got none; see docs/notices.md"
        raise ConfigError(msg)
    topics = TopicNames(settings.app)
    notifier = Notifier(receivers, topics, kafka_ports(settings), duties_of(duty.plan))
    return await serve(notifier, settings.http, NoticeCollector)
