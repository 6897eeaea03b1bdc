"""Where the `tocsin` command begins: it hears an interrupt before anything slow is loaded."""

import os
import signal
import sys


def _leave(*_: object) -> None:
    """End while modules are half loaded, which take an exception badly.

    The demo counts an interrupt as a good end; any other command did not do its work.
    """
    os.write(1, b"\ninterrupted before the end, while loading\n")
    os._exit(0 if sys.argv[1:2] == ["demo"] else 1)


def main() -> int:
    """Run the command line; `app.cli.main` gives interrupts back once a command begins."""
    signal.signal(signal.SIGINT, _leave)
    if "run" in sys.argv[1:]:  # a worker survives SIGHUP from here on; `heed_signals` answers it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from app.cli.main import main as command_line  # noqa: PLC0415 - interrupts are heard first

    return command_line()
