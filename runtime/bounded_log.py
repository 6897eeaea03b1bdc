"""Log lines of a bounded size: what they quote may be as large as a stranger likes."""

import logging
from types import TracebackType
from typing import Final

from contracts.bounded_text import bounded

LINE_BYTES: Final = 4096
TRACE_BYTES: Final = 16 << 10

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
