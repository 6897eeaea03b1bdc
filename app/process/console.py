"""`tocsin console run`: serves the page of the operations centre."""

import argparse

from app.process.serving import serve
from operate.console.service import service_of
from sinks.http.metrics import MetricsCollector


async def run_console(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; leaves as a worker does."""
    service, settings = await service_of(arguments)
    return await serve(service, settings.http, MetricsCollector)
