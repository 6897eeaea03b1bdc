"""The `tocsin` command."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence

from app.cli.parser import parser
from contracts.errors import AccessDenied, ConfigError, TocsinError
from runtime import kernel_cache
from runtime.bounded_log import FORMAT_VARIABLE, START_LOG, RateLimit, log_formatter
from runtime.exit_codes import FAILED, WRONG_USE


def _place_kernels(arguments: argparse.Namespace) -> None:
    """Tell numba where kernels lie, before anything loads it."""
    compiles = arguments.command == "compile"
    if compiles and arguments.into is None and arguments.cpu != kernel_cache.HOST:
        msg = f"--cpu: expected --into FOLDER beside it, got {arguments.cpu} alone; name a folder"
        raise ConfigError(msg)
    if compiles and arguments.into is not None:
        kernel_cache.fill(arguments.into, arguments.cpu)
    else:
        kernel_cache.choose()


def _log_to_stderr(level: int) -> None:
    """Log in the format that the environment asks for."""
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(log_formatter(os.environ.get(FORMAT_VARIABLE, "text")))
    to_stderr.addFilter(RateLimit())
    logging.basicConfig(level=level, handlers=[to_stderr])
    logging.getLogger(START_LOG).setLevel(logging.INFO)
    # The client reports every retry of a broker that is away; lanes say it once, in their words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # So it is with connections that break on their way back into the pool.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it went."""
    arguments = parser().parse_args(argv)
    try:
        _log_to_stderr(logging.INFO if arguments.verbose else logging.WARNING)
        _place_kernels(arguments)
        from app.cli import commands  # noqa: PLC0415 - numba and Kafka load only when a command runs

        signal.signal(signal.SIGINT, signal.default_int_handler)
        return commands.COMMANDS[arguments.command](arguments)
    except (ConfigError, AccessDenied) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    except TocsinError as error:
        sys.stderr.write(f"tocsin {arguments.command}: {error}\n")
        return FAILED
    except (FileNotFoundError, NotADirectoryError) as error:
        text = "expected a file"
        if isinstance(error, NotADirectoryError):
            text = "expected a folder above it, got a file; name another"
        sys.stderr.write(f"tocsin {arguments.command}: {error.filename}: {text}\n")
        return WRONG_USE
    except OSError as error:
        sys.stderr.write(f"tocsin {arguments.command}: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write(f"tocsin {arguments.command}: interrupted\n")
        return FAILED
