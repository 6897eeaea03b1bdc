"""Files of a configuration folder as bytes: regular files alone, and of bounded size."""

import errno
import os
import stat
from pathlib import Path

from configuration.yaml.findings import NOWHERE, Findings
from configuration.yaml.located import BYTES_MAX, Located, located


def read_regular(path: Path, most: int = BYTES_MAX) -> bytes:
    """What is in a file, with one byte more than `most` where it is larger.

    A pipe whose other end nobody opens would hold a reload for ever, and a device has no end.

    Raises
    ------
    OSError
        When nothing can be read there, or something other than a regular file is.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(most + 1)


def source_of(path: Path, file: str, findings: Findings, what: str = "a file") -> bytes | None:
    """What is in a file of YAML, None when it cannot be read, which is noted.

    Parameters
    ----------
    path : Path
    file : str
        Its name in findings.
    findings : Findings
    what : str
        What was expected there.
    """
    try:
        return read_regular(path)
    except OSError as error:
        text = f"expected {what}, got an error: {error.strerror}; make it readable"
        findings.add(file, NOWHERE, "", text)
        return None


def read_located(path: Path, findings: Findings) -> Located | None:
    """Data of a file, as `located`; None with findings when it cannot be read or is not right."""
    source = source_of(path, path.as_posix(), findings)
    return None if source is None else located(path.as_posix(), source, findings)
