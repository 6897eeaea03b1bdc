"""Spans reach a collector, as OTLP over HTTP."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from contracts.errors import ConfigError
from contracts.lane import LaneName
from contracts.ports.tracing import UNTRACED
from sinks.traces.tracing import tracing

service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

LANE = LaneName("water", 3, "tocsin.telemetry.water", "tocsin.commands.water")
HEADER = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED = 1  # of its flags


@contextmanager
def collector(came: list[bytes]) -> Iterator[str]:
    """Address of a collector that remembers bodies."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        finally:
            server.shutdown()
            serving.join()


def test_spans_reach_a_collector_with_the_ids_that_alarms_carry() -> None:
    came: list[bytes] = []
    with collector(came) as endpoint, tracing("city", endpoint) as tracer:
        told, failed = tracer.micro_batch(LANE, 40, 7), tracer.micro_batch(LANE, 47, 1)
        told.end()
        failed.fail("fenced")
        told.fail("it has ended already")
    (body,) = came
    (of,) = service.ExportTraceServiceRequest.FromString(body).resource_spans
    resource = {item.key: item.value.string_value for item in of.resource.attributes}
    assert resource["service.name"] == "city"
    first, second = of.scope_spans[0].spans
    header = HEADER.fullmatch(told.traceparent)
    assert header is not None
    assert (first.trace_id.hex(), first.span_id.hex()) == (header[1].decode(), header[2].decode())
    assert int(header[3], 16) & SAMPLED
    assert first.name == "process tocsin.telemetry.water"
    assert first.end_time_unix_nano >= first.start_time_unix_nano > 0
    values = {item.key: item.value for item in first.attributes}
    assert values["messaging.destination.partition.id"].string_value == "3"
    assert values["messaging.batch.message_count"].int_value == 7
    assert values["messaging.kafka.offset"].int_value == 40
    assert (first.status.code, second.status.code) == (0, 2)
    assert second.status.message == "fenced"
    assert second.trace_id != first.trace_id


def test_a_micro_batch_that_is_not_among_the_share_is_not_sent_and_its_header_says_so() -> None:
    came: list[bytes] = []
    with collector(came) as endpoint, tracing("city", endpoint, 0.0) as tracer:
        span = tracer.micro_batch(LANE, 40, 7)
        span.end()
    header = HEADER.fullmatch(span.traceparent)
    assert header is not None
    assert not int(header[3], 16) & SAMPLED
    assert came == []


def test_nothing_is_traced_unless_a_collector_is_named() -> None:
    with tracing("city", None) as tracer:
        assert tracer is UNTRACED
    assert UNTRACED.micro_batch(LANE, 40, 7).traceparent == b""


def test_without_the_extra_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sinks.traces.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    opening = tracing("city", "http://collector:4318/v1/traces")
    with pytest.raises(ConfigError, match=r"pip install 'tocsin\[traces\]'"):
        opening.__enter__()
