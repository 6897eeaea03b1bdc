"""Whether a worker's micro-batches are traced."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from contracts.errors import ConfigError
from contracts.ports.tracing import UNTRACED, Tracer


@contextmanager
def tracing(app: str, endpoint: str | None, share: float = 1.0) -> Iterator[Tracer]:
    """Tracer of a process, which sends its last spans on leaving.

    Parameters
    ----------
    app : str
        Name of the service.
    endpoint : str or None
        Address of a collector; without one nothing is traced, and nothing of OpenTelemetry loaded.
    share : float
        Of micro-batches whose spans are sent, from 0 to 1.

    Raises
    ------
    ConfigError
        When spans are to be sent and OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield UNTRACED
        return
    try:
        from sinks.traces.otlp import OtlpTracer, otlp_exporter  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        msg = (
            f"traces.endpoint: expected OpenTelemetry to be installed, got {error}; install it "
            "with `pip install 'tocsin[traces]'`, or leave `traces` out"
        )
        raise ConfigError(msg) from error
    tracer = OtlpTracer(app, version("tocsin"), otlp_exporter(endpoint), share)
    try:
        yield tracer
    finally:
        tracer.close()
