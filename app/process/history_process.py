"""`tocsin history run`: keeps the history up to date."""

import argparse

from app.process.projector import Projector
from app.process.serving import serve
from contracts.topics import TopicNames
from operate.history import topics_of
from operate.settings import settled
from sinks.history.opening import store_of
from sinks.history.projection import History
from sinks.http.projection_metrics import ProjectionCollector


async def run_history(arguments: argparse.Namespace) -> int:
    """Write what topics tell into SQL until SIGTERM or SIGINT; leaves as a worker does."""
    configuration = settled(arguments)
    settings = configuration.settings
    history = History(store_of(settings.history, settings.state), TopicNames(settings.app))
    projector = Projector("history", history, topics_of(configuration))
    return await serve(projector, settings.http, ProjectionCollector)
