"""A PostgreSQL server on a free port of this machine, made by initdb and gone afterwards."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pg8000.dbapi
import pytest

from contracts.kafka import Secret
from contracts.settings.history import HistorySettings
from runtime.installation import HOME
from tests.testkit.kafka.ports import free_ports

START_S = 60.0
STOP_S = 30.0
USER = "tocsin"
# Where secrets lie that a test hands over by the name of a variable.
PASSWORD = "TOCSIN_TEST_POSTGRES_PASSWORD"
# The server refuses to run as root.
AS_ROOT = os.getuid() == 0
OWNER = next((one for one in pwd.getpwall() if AS_ROOT and one.pw_name == "postgres"), None)
USER_ID, GROUP_ID = (OWNER.pw_uid, OWNER.pw_gid) if OWNER else (None, None)
FOLDERS = (Path("/"), HOME / ".postgres")


def binaries() -> Path | None:
    """Folder of `initdb` and `postgres`, None where there is none."""
    found = shutil.which("initdb")
    for root in FOLDERS:
        for folder in sorted(root.glob("usr/lib/postgresql/*/bin")):
            if (folder / "initdb").exists() and (folder / "postgres").exists():
                return folder
    return Path(found).resolve().parent if found else None


def missing() -> str | None:
    """Why no server can start here, None when one can."""
    if AS_ROOT and USER_ID is None:
        return "expected a user `postgres`: the server does not run as root; add one"
    if binaries() is None:
        return "expected PostgreSQL's initdb; `make postgres` unpacks it on Debian"
    return None


def needed() -> None:
    """Skip a test where no server can start; fail it where one was promised."""
    if (reason := missing()) is None:
        return
    if os.environ.get("TOCSIN_CI") and shutil.which("apt-get"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class PostgresServer:
    """One server; a context manager. Its user owns every database and needs a password.

    Parameters
    ----------
    durable : bool
        Whether what is committed outlives the machine; tests do without.

    Attributes
    ----------
    port : int
    """

    def __init__(self, *, durable: bool = False) -> None:
        folder = binaries()
        assert folder is not None, "call `needed` first"
        self._bin, self._durable = folder, durable
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-"))
        self._password = secrets.token_hex(8)

    def __enter__(self) -> "PostgresServer":
        try:
            self._make()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        os.environ[PASSWORD] = self._password
        return self

    def _make(self) -> None:
        if AS_ROOT:
            shutil.chown(self._folder, "postgres", "postgres")
        secret = self._folder / "password"
        secret.write_text(self._password)
        secret.chmod(0o644)  # within a folder of the server's own
        self._run(
            [
                str(self._bin / "initdb"),
                f"--pgdata={self._folder / 'data'}",
                f"--username={USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ]
        )

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=USER_ID,
            group=GROUP_ID,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        for option in (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._folder}",
            f"fsync={'on' if self._durable else 'off'}",
            "max_connections=20",
        ):
            command += ["-c", option]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, user=USER_ID, group=GROUP_ID
            )
        until = time.monotonic() + START_S
        while not self._answers():
            said = (self._folder / "log").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except (pg8000.dbapi.Error, OSError):
            return False
        return True

    def _connect(self, database: str) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect(
            USER,
            host="127.0.0.1",
            port=self.port,
            database=database,
            password=self._password,
            timeout=START_S,
        )

    def stop(self) -> None:
        """Stop it as a machine that goes down would: connections break."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> HistorySettings:
        """A new empty database, as settings of a history."""
        name = f"t{secrets.token_hex(4)}"
        connection = self._connect("postgres")
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        url = f"postgresql+pg8000://{USER}@127.0.0.1:{self.port}/{name}"
        return HistorySettings(url=url, password=Secret(f"${{env:{PASSWORD}}}"))
