"""Log lines of bounded size and number: a stranger may provoke as many as he likes."""

import logging
from types import TracebackType
from typing import Final

from contracts.bounded_text import bounded

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
