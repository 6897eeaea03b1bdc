"""Where the files of a ledger lie: a folder, or an object store that `pyarrow.fs` knows."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from contracts.errors import ConfigError
from contracts.kafka import masked
from runtime.durable_file import delete_drafts, make_private, write_all_durably, write_durably

PUTS_AT_ONCE: Final = 8  # to an object store, each of which takes some 50 ms


class Files(Protocol):
    """Files by name, folders by `/`."""

    @property
    def root(self) -> str:
        """Where they lie, for messages."""

    def get(self, name: str) -> bytes | None:
        """Content of a file, None when there is none."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file durably, whole or not at all; one of this name is replaced."""

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write files to which nothing points yet durably, in any order; a death may tear them."""

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is fine."""

    def names(self, folder: str) -> list[str]:
        """Names of the files right in a folder, sorted; none when there is no folder."""


class StoredFiles:
    """Files below one location.

    Parameters
    ----------
    location : str
        A local folder, or an address such as `s3://bucket/ledger`.

    Raises
    ------
    ConfigError
        When the address means nothing.
    """

    def __init__(self, location: str) -> None:
        self._local = "://" not in location
        if self._local:
            self._root = str(Path(location).absolute())
            self._files: pafs.FileSystem = pafs.LocalFileSystem()
        else:
            self._files, self._root = _opened(location)

    @property
    def root(self) -> str:
        """Where they lie, for messages."""
        return self._root

    def begin(self) -> None:
        """Make the location, for this user alone; what a writer that died left there goes."""
        if self._local:
            root = Path(self._root)
            make_private(root)
            for folder in [root, *filter(Path.is_dir, root.iterdir())]:
                delete_drafts(folder)
        else:
            self._files.create_dir(self._root, recursive=True)

    def get(self, name: str) -> bytes | None:
        """Content of a file, None when there is none."""
        try:
            with self._files.open_input_stream(f"{self._root}/{name}") as stream:
                data: bytes = stream.read()
        except FileNotFoundError:
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        """Write a file durably; one of this name is replaced."""
        path = f"{self._root}/{name}"
        if self._local:
            write_durably(Path(path), [data], replaces=True)
            return
        with self._files.open_output_stream(path) as stream:
            stream.write(data)

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write files to which nothing points yet durably, some at a time, as they are made."""
        if self._local:
            write_all_durably((Path(self._root, name), data) for name, data in files)
            return
        with ThreadPoolExecutor(PUTS_AT_ONCE) as threads:
            for one in [threads.submit(self.put, *file) for file in files]:
                one.result()

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is fine."""
        if self._local:
            Path(self._root, name).unlink(missing_ok=True)
            return
        try:
            self._files.delete_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return

    def names(self, folder: str) -> list[str]:
        """Names of the files right in a folder, sorted; none when there is no folder."""
        selector = pafs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        found = self._files.get_file_info(selector)
        names = (one.base_name for one in found if one.type == pafs.FileType.File)
        return sorted(name for name in names if not name.startswith("."))  # a draft is no file yet


def _opened(location: str) -> tuple[pafs.FileSystem, str]:
    """The store that an address means; the library's own errors quote it with its secrets."""
    try:
        files, root = pafs.FileSystem.from_uri(location)
    except (pa.ArrowException, OSError) as error:
        msg = (
            f"{masked(location)}: expected a folder or an address such as s3://bucket/ledger, got "
            f"{type(error).__name__}; correct `ledger.store`"
        )
        raise ConfigError(msg) from None
    return files, root
