"""YAML text to plain data, with the line and column of every key and value."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, Final

import yaml

from configuration.yaml.findings import NOWHERE, Finding, Findings, Path, Place, dotted

BYTES_MAX: Final = 1 << 20
NODES_MAX: Final = 50_000
EVENTS_MAX: Final = 2 * NODES_MAX + 16  # of a document that has too many nodes at the latest then
DEPTH_MAX: Final = 32
INTEGER_DIGITS_MAX: Final = 18  # longer ones stay text: no number of ours needs more than 64 bits

# YAML 1.2, chapter 10.3.2 "Tag Resolution" of the core schema. YAML 1.1, which PyYAML speaks by
# itself, would read `no` as false, `1:30` as 90 and `2026-03-01` as a date.
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")

_CORE: Final = "tag:yaml.org,2002:"
_KINDS: Final = {"null": type(None), "bool": bool, "int": int, "float": float, "str": str}
_COLLECTIONS: Final = (None, "!", _CORE + "map", _CORE + "seq")


def _number(text: str) -> int | float | None:
    if len(text) <= INTEGER_DIGITS_MAX:
        for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
            if pattern.fullmatch(text):
                return int(text, base)
    if _FLOAT.fullmatch(text) and not _INT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float("-inf" if text.startswith("-") else "inf")
    return float("nan") if _NAN.fullmatch(text) else None


def scalar(text: str) -> str | int | float | bool | None:
    """Value of a plain scalar by the core rules of YAML 1.2.

    >>> scalar("no"), scalar("1:30"), scalar("2026-03-01"), scalar("010")
    ('no', '1:30', '2026-03-01', 10)
    >>> scalar("true"), scalar("1e3"), scalar("~"), scalar("0x1F")
    (True, 1000.0, None, 31)
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    number = _number(text)
    return text if number is None else number


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data and where its parts stand.

    Parameters
    ----------
    data : dict, list, str, int, float, bool or None
    values, keys : dict of path to (line, column)
        Both from 1. A path is a tuple of keys and list places; the whole document is `()`.
    """

    data: Any
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def position(self, path: Path, *, key: bool = False) -> Place:
        """Line and column of a value, or of its key; of the nearest parent when there is none."""
        for end in range(len(path), -1, -1):
            if key and path[:end] in self.keys:
                return self.keys[path[:end]]
            if path[:end] in self.values:
                return self.values[path[:end]]
        return NOWHERE


class _Refused(Exception):  # noqa: N818 - never leaves this file
    """The rest of the document cannot be read."""


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _events(text: str) -> Iterator[Any]:
    """Parser events of a text.

    libyaml takes a twelfth of the time; where it finds a fault PyYAML's own parser says what, as it
    does where there is no libyaml.
    """
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError):
            return iter(list(islice(yaml.parse(text, Loader=yaml.CSafeLoader), EVENTS_MAX)))
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
    return events


class _Composer:
    """Builds data from parser events; never recurses deeper than `DEPTH_MAX`."""

    def __init__(self, file: str, text: str, findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._events = _events(text)
        self._nodes = 0
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}

    def document(self) -> Any:
        """Data of the only document, None when there is none."""
        next(self._events)  # start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        data = self._node(next(self._events), ())
        next(self._events)  # end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._note(
                more, (), "expected one document, got a second; move it to a file of its own"
            )
        return data

    def _note(self, event: Any, path: Path, text: str) -> None:
        self._findings.add(self._file, _place(event.start_mark), dotted(path), text)

    def _stop(self, event: Any, path: Path, text: str) -> None:
        self._note(event, path, text)
        raise _Refused

    def _node(self, event: Any, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._stop(event, (), f"expected at most {NODES_MAX} values, got more; split the file")
        if len(path) > DEPTH_MAX:
            self._stop(event, (), f"expected a depth of at most {DEPTH_MAX}, got more; flatten it")
        self.values[path] = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            text = f"expected a value, got the alias '*{event.anchor}'; write the value out"
            self._note(event, path, text)
            return None
        if getattr(event, "anchor", None) is not None:
            text = f"expected a value, got the anchor '&{event.anchor}'; write values out"
            self._note(event, path, text)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        self._check_tag(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._mapping(path)

    def _check_tag(self, event: Any, path: Path) -> None:
        if event.tag not in _COLLECTIONS:
            self._note(event, path, f"expected no tag, got {event.tag!r}; leave it out")

    def _scalar(self, event: Any, path: Path) -> Any:
        tag = event.tag
        if tag is None:
            return scalar(event.value) if event.implicit[0] else event.value
        kind = _KINDS.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
        if tag == "!" or kind is str:
            return event.value
        value = scalar(event.value)
        if kind is None:
            self._note(event, path, f"expected no tag, got {tag!r}; leave it out")
        elif type(value) is not kind:
            text = f"expected what the tag {tag!r} says, got {event.value!r}; leave the tag out"
            self._note(event, path, text)
        return value

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            first = self.keys.get(here)
            if first is not None:
                there = f"line {first[0]}, column {first[1]}"
                text = f"expected each key once, got {key!r} again after {there}; keep one"
                self._note(event, path, text)
            self.keys[here] = _place(event.start_mark)
            data[key] = self._node(next(self._events), here)
        return data

    def _key(self, event: Any, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            self._stop(event, path, "expected a word as key, got something else; write a word")
        self._nodes += 1
        return str(event.value)


def utf8(file: str, source: bytes, findings: Findings) -> str | None:
    """Text of a file in UTF-8, with a byte order mark or without; None when it is in another."""
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = (source.count(b"\n", 0, error.start) + 1, 0)
        text = f"expected UTF-8, got the byte 0x{source[error.start]:02x}; save the file as UTF-8"
        findings.add(file, place, "", text)
    return None


def read_located(path: FilePath, findings: Findings) -> Located | None:
    """Data of a file, as `located`; None with findings when it cannot be read or is not right."""
    try:
        with path.open("rb") as file:
            source = file.read(BYTES_MAX + 1)
    except OSError as error:
        text = f"expected a file, got an error: {error.strerror}; make it readable"
        findings.add(path.as_posix(), NOWHERE, "", text)
        return None
    return located(path.as_posix(), source, findings)


def located(file: str, source: bytes, findings: Findings) -> Located | None:
    """Data of a YAML document.

    Parameters
    ----------
    file : str
        Name for findings.
    source : bytes
        UTF-8, at most `BYTES_MAX`.
    findings : Findings
        Receives what is wrong.

    Returns
    -------
    Located or None
        None when anything was wrong.
    """
    before = len(findings)
    if len(source) > BYTES_MAX:
        text = f"expected at most {BYTES_MAX} bytes, got {len(source)}; split the file"
        findings.add(file, NOWHERE, "", text)
        return None
    text_of_file = utf8(file, source, findings)
    if text_of_file is None:
        return None
    try:
        composer = _Composer(file, text_of_file, findings)
        result = Located(composer.document(), composer.values, composer.keys)
    except _Refused:
        return None
    except yaml.YAMLError as error:
        findings.found.append(_syntax(file, error))
    else:
        return result if len(findings) == before else None
    return None


def _syntax(file: str, error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
    text = f"expected YAML, got an error: {problem}; mind indents, quotes and brackets"
    return Finding(file, _place(mark) if mark else NOWHERE, "", text)
