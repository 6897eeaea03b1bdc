"""Log lines as JSON: one object a line, whatever is quoted in it."""

import json
import logging

import pytest

from app.cli.main import main
from contracts.errors import ConfigError
from runtime.bounded_log import FORMAT_VARIABLE, LINE_BYTES, TRACE_BYTES, log_formatter


def line_of(message: str, *arguments: object, error: Exception | None = None) -> str:
    """A warning as JSON."""
    exc_info = (type(error), error, None) if error else None
    record = logging.LogRecord("tocsin.lane", logging.WARNING, "", 0, message, arguments, exc_info)
    record.created = 1_700_000_000.25
    return log_formatter("json").format(record)


def test_a_line_is_one_object_with_the_same_event_whatever_its_arguments() -> None:
    assert json.loads(line_of("%s: the brokers did not answer for %d s", "water-3", 7)) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "tocsin.lane",
        "event": "%s: the brokers did not answer for %d s",
        "message": "water-3: the brokers did not answer for 7 s",
    }


def test_quoted_input_makes_no_line_of_its_own_and_none_is_longer_than_bounds() -> None:
    line = line_of("got %s", 'a"\n{"level": "critical"}' + "x" * 10 * LINE_BYTES)
    assert "\n" not in line
    assert len(line) < 2 * LINE_BYTES
    assert json.loads(line)["level"] == "warning"


def test_a_trace_is_told_within_its_bounds() -> None:
    line = line_of("judging the canary", error=ValueError("x" * 10 * TRACE_BYTES))
    trace = json.loads(line)["trace"]
    assert trace.startswith("ValueError: x")
    assert len(trace.encode()) <= TRACE_BYTES


def test_another_format_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = "TOCSIN_LOG: expected text or json, got 'xml'; set one of them"
    with pytest.raises(ConfigError, match=expected):
        log_formatter("xml")
    monkeypatch.setenv(FORMAT_VARIABLE, "xml")
    assert main(["schema", "alarm"]) == 2
    assert capsys.readouterr().err == f"{expected}\n"
