"""Log lines of bounded size and number: a stranger may provoke as many as he likes."""

import json
import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from contracts.bounded_text import bounded
from contracts.errors import ConfigError

FORMAT_VARIABLE: Final = "TOCSIN_LOG"  # processes that a supervisor starts inherit it
START_LOG: Final = "tocsin.start"  # written whatever else is logged
LINE_BYTES: Final = 4096
TRACE_BYTES: Final = 16 << 10
LIKE_EACH_OTHER: Final = 50  # lines of one kind in each stretch of time
STRETCH_S: Final = 10.0
_KINDS_MAX: Final = 1000

_Caught = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class BoundedFormatter(logging.Formatter):
    """Formats as usual, but cuts messages and traces in their middle.

    A message stays on one line: quoted input cannot pass itself off as a line of its own.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line of a record."""
        message = bounded(record.message, LINE_BYTES)
        record.message = message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

    def formatException(self, ei: _Caught) -> str:  # noqa: N802 - the library's name
        """The trace of an exception, whose text may quote input too."""
        return bounded(super().formatException(ei), TRACE_BYTES)


class JsonFormatter(BoundedFormatter):
    """One JSON object a line, for what gathers logs; bounds are the same.

    Keys are `time` (UTC, RFC 3339), `level`, `logger`, `event` (the message before its arguments
    are put in, the same from line to line), `message`, and `trace` where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": stamp.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": bounded(str(record.msg), LINE_BYTES),
            "message": bounded(record.getMessage(), LINE_BYTES),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_formatter(wanted: str) -> logging.Formatter:
    """Formatter by its name.

    Raises
    ------
    ConfigError
        When it is neither `text` nor `json`.
    """
    if wanted not in {"text", "json"}:
        msg = f"{FORMAT_VARIABLE}: expected text or json, got {wanted!r}; set one of them"
        raise ConfigError(msg)
    if wanted == "json":
        return JsonFormatter()
    return BoundedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


class RateLimit(logging.Filter):
    """Lets some lines of each kind pass in each stretch of time, and says how many it held back.

    A kind is a logger with a message before its arguments are put in.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line may pass."""
        kind = (record.name, record.msg)
        began, count = self._passed.get(kind, (record.created, 0))
        if record.created - began >= STRETCH_S:
            held = count - LIKE_EACH_OTHER
            if held > 0:
                record.msg = f"{record.msg} ({held} more like it were not logged)"
            began, count = record.created, 0
        if len(self._passed) >= _KINDS_MAX:
            self._passed.clear()
        self._passed[kind] = (began, count + 1)
        return count < LIKE_EACH_OTHER
