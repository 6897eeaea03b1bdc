"""Spans of micro-batches, sent to a collector by OpenTelemetry's own SDK and protocol (OTLP)."""

from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts.lane import LaneName

FLUSH_MS: Final = 5_000  # a collector that does not answer does not hold a worker that leaves
_HEADER: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtlpSpan:
    """`BatchSpan` of the SDK."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> bytes:
        """Header of W3C Trace Context, also of a span that is not among the chosen share."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(self._span))
        return carrier[_HEADER].encode()

    def end(self) -> None:
        """All is committed."""
        self._span.end()

    def fail(self, why: str) -> None:
        """The lane came to an end before that."""
        if self._span.is_recording():  # no more, once it has ended
            self._span.set_status(Status(StatusCode.ERROR, why))
            self._span.end()


class OtlpTracer:
    """`Tracer` that hands spans to a thread, which sends them; when that is slow they are dropped.

    What else there is to say, as headers for a login, is in the variables that OpenTelemetry lays
    down (`OTEL_EXPORTER_OTLP_HEADERS` and others).

    Parameters
    ----------
    app : str
        Name of the service.
    version : str
        Version of Tocsin.
    exporter : SpanExporter
    share : float
        Of micro-batches that are sent, from 0 to 1.
    """

    def __init__(self, app: str, version: str, exporter: SpanExporter, share: float = 1.0) -> None:
        resource = Resource.create({"service.name": app, "service.version": version})
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(share), resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tocsin", version)

    def micro_batch(self, lane: LaneName, first: int, records: int) -> OtlpSpan:
        """A span that begins now, named as the conventions for messaging have it."""
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": lane.telemetry,
            "messaging.destination.partition.id": str(lane.number),
            "messaging.batch.message_count": records,
            "messaging.kafka.offset": first,
            "tocsin.lane": str(lane),
        }
        span = self._tracer.start_span(
            f"process {lane.telemetry}", kind=SpanKind.CONSUMER, attributes=attributes
        )
        return OtlpSpan(span)

    def close(self) -> None:
        """Send what has not been sent yet, within some seconds."""
        self._provider.force_flush(FLUSH_MS)
        self._provider.shutdown()


def otlp_exporter(endpoint: str) -> SpanExporter:
    """Exporter to a collector's address, such as `http://collector:4318/v1/traces`."""
    return OTLPSpanExporter(endpoint=endpoint)
