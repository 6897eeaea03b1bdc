"""Snapshot files: one checksummed container of arrays, at a location that pyarrow.fs knows."""

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
from numpy.typing import NDArray

from contracts.bounded_text import bounded
from contracts.errors import ConfigError, Damaged, FatalError
from contracts.kafka import masked
from runtime.durable_file import make_private, write_durably

MAGIC: Final = b"TOCSIN\x00\x01"  # the last byte is the format's version
ALIGNMENT: Final = 64
_SOME: Final = 1 << 22  # bytes of a bundle read at once
# Names are hashes and lanes: they come from commands and manifests, and must not lead elsewhere.
_NAME: Final = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")
_HASH: Final = re.compile(r"[0-9a-f]{16}")
# A type as `dtype.str` writes it: byte order, kind, size, and the unit of a time.
_TYPE: Final = re.compile(r"[<>|=][?biufcmMSUV]\d{1,9}(\[\w+\])?")
# No file is read that is larger: a lane of a million channels has less than 1 GiB.
FILE_BYTES_MAX: Final = 16 << 30
NOTE_BYTES_MAX: Final = 256

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A lane's state.

    Parameters
    ----------
    header : dict
        What JSON can hold.
    arrays : mapping of str to array
        Columns by lane row.
    """

    header: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class _Column(msgspec.Struct):
    name: str
    dtype: Any
    shape: list[int]


class _Contents(msgspec.Struct):
    header: dict[str, Any]
    columns: list[_Column]


def _described(dtype: np.dtype[Any]) -> Any:
    return np.lib.format.dtype_to_descr(dtype)


def _dtype(described: Any) -> np.dtype[Any]:
    """The dtype that `_described` wrote; nameless padding is no field."""
    return np.lib.format.descr_to_dtype(_description(described))


def _description(described: Any) -> Any:
    """A description as numpy wrote it: msgpack made lists of its tuples."""
    if isinstance(described, str):
        if not _TYPE.fullmatch(described):  # numpy would read it as a language of its own
            msg = f"snapshot: expected the type of an array, got {described[:40]!r}"
            raise ValueError(msg)
        return described
    return [
        (field[0], _description(field[1]), *(tuple(shape) for shape in field[2:]))
        for field in described
    ]


def packed(snapshot: Snapshot) -> list[Piece]:
    """Pieces of one container: magic, length of the contents, contents, then aligned arrays.

    Arrays are not copied: a million rows of 218 bytes need no second 218 MB.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()}
    columns = [_Column(n, _described(a.dtype), list(a.shape)) for n, a in arrays.items()]
    contents = msgspec.msgpack.encode(_Contents(snapshot.header, columns))
    pieces: list[Piece] = [MAGIC, len(contents).to_bytes(8, "little"), contents]
    length = sum(map(len, pieces))
    for array in arrays.values():
        gap = bytes(-length % ALIGNMENT)
        pieces += [gap, array.reshape(-1).view(np.uint8).data if array.nbytes else b""]
        length += len(gap) + array.nbytes
    return pieces


def pack(snapshot: Snapshot) -> bytes:
    """The container as a whole."""
    return b"".join(packed(snapshot))


def unpack(data: bytes) -> Snapshot:
    """Snapshot from its container.

    Raises
    ------
    FatalError
        When it is no snapshot of this version.
    ValueError
        When it is damaged.
    """
    if data[: len(MAGIC)] != MAGIC:
        got = bytes(data[: len(MAGIC)])
        msg = f"snapshot: expected format {MAGIC!r}, got {got!r}; run the release that wrote it"
        raise FatalError(msg)
    begin = len(MAGIC) + 8
    place = begin + int.from_bytes(data[len(MAGIC) : begin], "little")
    contents = msgspec.msgpack.decode(data[begin:place], type=_Contents)
    try:
        arrays = _arrays(data, place, contents.columns)
    except (TypeError, ArithmeticError) as error:
        msg = f"snapshot: expected arrays that numpy knows, got an error: {error}"
        raise ValueError(msg) from error
    return Snapshot(contents.header, arrays)


def _arrays(data: bytes, place: int, columns: Iterable[_Column]) -> dict[str, NDArray[Any]]:
    """Arrays that lie one behind the other from a place on; not copies."""
    arrays: dict[str, NDArray[Any]] = {}
    for column in columns:
        place += -place % ALIGNMENT
        dtype = _dtype(column.dtype)
        count = int(np.prod(column.shape, dtype=np.int64))
        array = np.frombuffer(data, dtype, count, place).reshape(column.shape)
        arrays[column.name] = array
        place += array.nbytes
    return arrays


def checksum(*pieces: Piece) -> str:
    """BLAKE2b-128 of some pieces side by side, hex."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _opened(location: str) -> tuple[pafs.FileSystem, str]:
    """The store that an address means; the library's own errors quote it with its secrets."""
    try:
        files, root = pafs.FileSystem.from_uri(location)
    except (pa.ArrowException, OSError) as error:
        msg = (
            f"{masked(location)}: expected a folder or an address such as s3://bucket/tocsin, got "
            f"{type(error).__name__}; correct `state`"
        )
        raise ConfigError(msg) from None
    return files, root


class SnapshotStore:
    """Files below one location, each under a name never used before.

    Parameters
    ----------
    location : str
        A local folder, or an address such as `s3://bucket/tocsin`.
    """

    def __init__(self, location: str) -> None:
        self._local = "://" not in location
        if self._local:
            self._root = str(Path(location).absolute())
            self._files: pafs.FileSystem = pafs.LocalFileSystem()
        else:
            self._files, self._root = _opened(location)
        if self._local:
            make_private(Path(self._root))
        else:
            self._files.create_dir(self._root, recursive=True)

    @property
    def root(self) -> str:
        """Where files lie."""
        return self._root

    def write(self, lane: str, *pieces: Piece) -> tuple[str, str]:
        """Write a lane's snapshot, in pieces, durably; its name and checksum.

        Raises
        ------
        OSError
            When the disk is full or broken; no file is left under the name.
        """
        name = f"{lane}/{secrets.token_hex(8)}.snap"
        self._put(name, *pieces)
        return name, checksum(*pieces)

    def _put(self, name: str, *pieces: Piece) -> None:
        path = f"{self._root}/{name}"
        if self._local:
            write_durably(Path(path), pieces)
            return
        with self._files.open_output_stream(path) as stream:
            for piece in pieces:
                stream.write(piece)

    def read(self, name: str, expected: str, size: int | None = None) -> bytes:
        """A snapshot's bytes.

        Parameters
        ----------
        name, expected : str
            Name and checksum of the file.
        size : int, optional
            Its bytes, where they are known: a file of another size is not read.

        Raises
        ------
        Damaged
            When the file is gone or is not what was written.
        OSError
            When the location does not give it.
        """
        data = self._get(name, FILE_BYTES_MAX if size is None else size)
        got = checksum(data)
        if got != expected:
            msg = (
                f"{self._root}/{name}: expected checksum {expected}, got {got}; the file is "
                "damaged, restore it"
            )
            raise Damaged(msg)
        return data

    def _get(self, name: str, most: int = FILE_BYTES_MAX) -> bytes:
        with self._opened(name, most) as stream:
            data: bytes = stream.read()
        return data

    def _opened(self, name: str, most: int) -> pa.NativeFile:
        """A stream of a regular file of bounded size; nothing else is opened, or waited for.

        Raises
        ------
        Damaged
            When there is none, or something else in its place.
        """
        path = f"{self._root}/{name}"
        if not _NAME.fullmatch(name):
            msg = f"{self._root}: expected the name of a file, got {bounded(name, 64)!r}"
            raise Damaged(msg)
        try:
            size = self._regular_size(path)
            stream = None if size is None else self._files.open_input_stream(path)
        except FileNotFoundError as error:
            msg = f"{path}: expected a file, got none; check the state location"
            raise Damaged(msg) from error
        if size is None or size > most:
            what = "something else" if size is None else f"{size} bytes"
            msg = f"{path}: expected a file of at most {most} bytes, got {what}; restore it"
            raise Damaged(msg)
        return stream

    def _regular_size(self, path: str) -> int | None:
        """Bytes of a file below the root, None where something else has its name."""
        if not self._local:
            info = self._files.get_file_info(path)
            if info.type == pafs.FileType.NotFound:
                raise FileNotFoundError(path)
            return int(info.size) if info.type == pafs.FileType.File else None
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return None
        inside = Path(path).resolve().is_relative_to(Path(self._root).resolve())
        return found.st_size if inside else None

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is fine."""
        try:
            self._files.delete_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return

    def unlisted(self, lane: str, keep: set[str]) -> list[str]:
        """Names of a lane's files that are not to be kept, sorted."""
        selector = pafs.FileSelector(f"{self._root}/{lane}", allow_not_found=True)
        names = [
            f"{lane}/{found.base_name}"
            for found in self._files.get_file_info(selector)
            if found.type != pafs.FileType.Directory  # not ours, and not to be deleted as a file
        ]
        return sorted(set(names) - keep)

    def put_bundle(self, name: str, data: bytes | pa.Buffer) -> None:
        """Keep a configuration bundle under its own hash; a damaged one is written anew."""
        try:
            self._check_bundle(name)
        except Damaged:
            self._put(f"bundles/{name}", memoryview(data))

    def put_warm(self, lane: str, data: bytes) -> str:
        """Keep what a lane's newborns shall begin with; its hash."""
        name = hashlib.blake2b(data, digest_size=8).hexdigest()
        self.put_bundle(name, data)
        self._put(f"warm/{lane}", name.encode())
        return name

    def warm(self, lane: str) -> str | None:
        """Hash of what a newborn lane shall begin with, None when nothing was kept."""
        return self._noted(f"warm/{lane}")

    def _noted(self, path: str) -> str | None:
        info = self._files.get_file_info(f"{self._root}/{path}")
        if info.type == pafs.FileType.NotFound:
            return None
        return self._get(path, NOTE_BYTES_MAX).decode(errors="replace")

    def note_judged(self, files: str, bundle: str) -> None:
        """Note which bundle the files of a configuration folder gave, by their hash."""
        self._put(f"judged/{files}", bundle.encode())

    def judged(self, files: str) -> str | None:
        """Hash of the bundle that such files gave, None when nobody has noted it."""
        return self._noted(f"judged/{files}")

    def bundle(self, name: str) -> bytes:
        """Configuration bundle, or what was learned, by its hash.

        Raises
        ------
        Damaged
            When it is gone or is not what was kept.
        """
        self._check_hash(name)
        data = self._get(f"bundles/{name}")
        digest = hashlib.blake2b(data, digest_size=8)
        self._same(name, digest.hexdigest())
        return data

    def mapped(self, name: str) -> pa.Buffer:
        """The same, left in its file where it lies on this machine: only what is used is read.

        Raises
        ------
        Damaged
            When it is gone or is not what was kept.
        """
        if not self._local:
            return pa.py_buffer(self.bundle(name))
        self._check_bundle(name)
        with pa.memory_map(f"{self._root}/bundles/{name}") as file:
            return file.read_buffer()

    def _check_bundle(self, name: str) -> None:
        """Read all of a bundle, some of it at a time: pages of a map would stay with us."""
        self._check_hash(name)
        digest = hashlib.blake2b(digest_size=8)
        with self._opened(f"bundles/{name}", FILE_BYTES_MAX) as stream:
            while some := stream.read(_SOME):
                digest.update(some)
        self._same(name, digest.hexdigest())

    def _check_hash(self, name: str) -> None:
        if not _HASH.fullmatch(name):
            got = bounded(name, 64)
            msg = f"{self._root}/bundles: expected a hash of 16 hex digits, got {got!r}"
            raise Damaged(msg)

    def _same(self, name: str, got: str) -> None:
        if got != name:
            msg = f"{self._root}/bundles/{name}: expected this hash, got {got}; restore the file"
            raise Damaged(msg)
