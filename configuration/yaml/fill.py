"""Located plain data into structs; every finding has its place, and all are collected."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from configuration.yaml.findings import Findings, Path, closest, dotted, nearest, shown
from configuration.yaml.located import Located, scalar
from configuration.yaml.shape import shape, written_fields
from contracts.kafka import Secret
from contracts.quantities import Duration, Quantity

T = TypeVar("T")
QUANTITY_CHARS_MAX: Final = 40
DURATION_MAX: Final = Duration("3660 d")  # ten years; nanoseconds stay far inside 64 bits
PERIODS_MAX: Final = 1000
BAD: Final = object()  # stands for a value with findings


class FromEnvironment(str):
    """Text that came from an environment variable; messages name the variable, not the text."""

    __slots__ = ("name",)

    def __new__(cls, name: str, text: str) -> "FromEnvironment":
        """Text of the variable `name`."""
        made = super().__new__(cls, text)
        made.name = name
        return made

    name: str


@dataclass(frozen=True, slots=True)
class Page:
    """One file's data and where its findings go."""

    file: str
    located: Located
    findings: Findings

    def find(self, path: Path, text: str, *, key: bool = False) -> None:
        """Note a finding at a value, or at its key."""
        self.findings.add(self.file, self.located.position(path, key=key), dotted(path), text)

    def refuse(self, path: Path, expected: str, value: object, advice: str = "") -> object:
        """Note that a value is not what was expected."""
        if isinstance(value, FromEnvironment):
            got = f"what `${{env:{value.name}}}` holds"
        else:
            got = shown(value)
        self.find(path, f"expected {expected}, got {got}{advice and '; ' + advice}")
        return BAD


def fill(kind: type[T], page: Page) -> T | None:
    """Struct from a page; None when anything was wrong.

    Parameters
    ----------
    kind : type of msgspec.Struct
        Constraints in `Annotated` are kept, unknown keys refused.
    page : Page
    """
    fields, whole = partial(kind, page)
    return kind(**fields) if whole else None


def partial(kind: type, page: Page) -> tuple[dict[str, Any], bool]:
    """Readable fields of the struct, and whether all could be read."""
    return _fields(shape(kind), page.located.data, (), page)


def _fields(
    node: inspect.StructType, data: Any, path: Path, page: Page
) -> tuple[dict[str, Any], bool]:
    if not isinstance(data, dict):
        page.refuse(path, "a mapping", data, "its keys are " + ", ".join(written_fields(node)))
        return {}, False
    known = written_fields(node)
    strange = _strange(data, node, path, page)
    meant = {closest(key, known) for key in strange}
    whole = not strange
    fields: dict[str, Any] = {}
    for key, field in known.items():
        if key in data:
            value = _value(field.type, data[key], (*path, key), page)
            whole = whole and value is not BAD
            if value is not BAD:
                fields[field.name] = value
        elif field.required:
            whole = False
            if key not in meant:
                page.find(path, f"expected the key '{key}', got none; add it", key=True)
    return fields, whole


_LOADED: Final = "expected this to be left out: it is filled in on load; delete it"


def _strange(
    data: Mapping[str, Any], node: inspect.StructType, path: Path, page: Page
) -> list[str]:
    known = written_fields(node)
    loaded = {field.encode_name for field in node.fields} - known.keys()
    strange = [key for key in data if key not in known]
    for key in strange:
        place = page.located.position((*path, key), key=True)
        text = _LOADED if key in loaded else f"unknown key {shown(key)}; {nearest(key, known)}"
        page.findings.add(page.file, place, dotted(path), text)
    return strange


def _value(node: inspect.Type, value: Any, path: Path, page: Page) -> Any:
    """Value in the shape of a type, `BAD` after a finding."""
    if value is BAD:
        return BAD
    if isinstance(node, inspect.UnionType):  # all of ours are "or left out"
        node = next(kind for kind in node.types if not isinstance(kind, inspect.NoneType))
    if isinstance(value, FromEnvironment) and not isinstance(node, inspect.StrType):
        resolved = scalar(value)
        filled = _READERS[type(node)](node, resolved, path, _Secret.of(page, value))
    else:
        filled = _READERS[type(node)](node, value, path, page)
    return filled


@dataclass(frozen=True, slots=True)
class _Secret(Page):
    """A page whose messages do not quote what came from the environment."""

    source: FromEnvironment

    @classmethod
    def of(cls, page: Page, source: FromEnvironment) -> "_Secret":
        return cls(page.file, page.located, page.findings, source)

    def refuse(self, path: Path, expected: str, value: object, advice: str = "") -> object:
        del value
        return Page.refuse(self, path, expected, self.source, advice)


def _struct(node: inspect.StructType, value: Any, path: Path, page: Page) -> Any:
    fields, whole = _fields(node, value, path, page)
    return node.cls(**fields) if whole else BAD


def _list(node: inspect.ListType, value: Any, path: Path, page: Page) -> Any:
    least, most = node.min_length or 0, node.max_length
    if not isinstance(value, list):
        return page.refuse(path, "a list", value, "write [first, second]")
    if len(value) < least or (most is not None and len(value) > most):
        span = f"{least} to {most}" if most is not None else f"at least {least}"
        page.find(path, f"expected {span} items, got {len(value)}")
        return BAD
    items = [_value(node.item_type, item, (*path, i), page) for i, item in enumerate(value)]
    return BAD if any(item is BAD for item in items) else items


def _tuple(node: inspect.TupleType, value: Any, path: Path, page: Page) -> Any:
    count = len(node.item_types)
    if not isinstance(value, list) or len(value) != count:
        return page.refuse(path, f"a list of {count} items", value)
    kinds = zip(node.item_types, value, strict=True)
    items = [_value(kind, item, (*path, i), page) for i, (kind, item) in enumerate(kinds)]
    return BAD if any(item is BAD for item in items) else tuple(items)


def _dict(node: inspect.DictType, value: Any, path: Path, page: Page) -> Any:
    if not isinstance(value, dict):
        return page.refuse(path, "a mapping", value)
    items = {}
    whole = True
    for key, item in value.items():
        good = _value(node.key_type, key, (*path, key), page) is not BAD
        items[key] = _value(node.value_type, item, (*path, key), page)
        whole = whole and good and items[key] is not BAD
    return items if whole else BAD


def _within(node: inspect.IntType | inspect.FloatType, value: float) -> bool:
    return (
        math.isfinite(value)
        and (node.gt is None or value > node.gt)
        and (node.ge is None or value >= node.ge)
        and (node.lt is None or value < node.lt)
        and (node.le is None or value <= node.le)
    )


def _bounds(node: inspect.IntType | inspect.FloatType) -> str:
    if node.ge is not None and node.le is not None:
        return f" from {node.ge} to {node.le}"
    pairs = (("above", node.gt), ("of at least", node.ge), ("below", node.lt), ("at most", node.le))
    said = [f"{word} {bound}" for word, bound in pairs if bound is not None]
    return " " + " and ".join(said) if said else ""


def _number(node: inspect.IntType | inspect.FloatType, value: Any, path: Path, page: Page) -> Any:
    whole = isinstance(node, inspect.IntType)
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fits or not _within(node, value):
        noun = "a whole number" if whole else "a number"
        return page.refuse(path, noun + _bounds(node), value)
    return value if whole else float(value)


def _text(node: inspect.StrType, value: Any, path: Path, page: Page) -> Any:
    if not isinstance(value, str):
        advice = "" if value is None or isinstance(value, dict | list) else "put it in quotes"
        return page.refuse(path, "text", value, advice)
    least, most = node.min_length or 0, node.max_length
    if len(value) < least:
        return page.refuse(path, "text", value, "write a sentence")
    if most is not None and len(value) > most:
        page.find(path, f"expected at most {most} characters, got {len(value)}; shorten it")
        return BAD
    return str(value)


def _truth(node: inspect.BoolType, value: Any, path: Path, page: Page) -> Any:
    del node
    return value if isinstance(value, bool) else page.refuse(path, "true or false", value)


def _literal(node: inspect.LiteralType, value: Any, path: Path, page: Page) -> Any:
    if value in node.values and not isinstance(value, bool):
        return value
    words = [str(word) for word in node.values]
    expected = ("one of " if len(words) > 1 else "") + ", ".join(map(repr, words))
    close = nearest(str(value), words)
    return page.refuse(path, expected, value, close if close.startswith("nearest") else "")


def _quantity(node: inspect.CustomType, value: Any, path: Path, page: Page) -> Any:
    kind = node.cls
    if kind is Secret:
        return _secret(value, path, page)
    assert issubclass(kind, Quantity)
    if not isinstance(value, str) or len(value) > QUANTITY_CHARS_MAX:
        return page.refuse(path, kind.EXPECTED, value)
    try:
        quantity = kind(value)
    except ValueError:
        return page.refuse(path, kind.EXPECTED, value)
    if isinstance(quantity, Duration):
        if quantity.ns > DURATION_MAX.ns:
            return page.refuse(path, f"at most {DURATION_MAX}", value)
        if quantity.periods > PERIODS_MAX:
            return page.refuse(path, f"at most {PERIODS_MAX} periods", value)
    return quantity


def _secret(value: Any, path: Path, page: Page) -> Any:
    """Where a secret lies; whatever else stands there may be the secret, and is not quoted."""
    try:
        return Secret(value if isinstance(value, str) else "")
    except ValueError as error:
        page.find(path, f"{error}, got something else; put the secret itself in one of them")
        return BAD


def _metadata(node: inspect.Metadata, value: Any, path: Path, page: Page) -> Any:
    return _value(node.type, value, path, page)


_READERS: Final[dict[type, Callable[..., Any]]] = {
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.TupleType: _tuple,
    inspect.DictType: _dict,
    inspect.IntType: _number,
    inspect.FloatType: _number,
    inspect.StrType: _text,
    inspect.BoolType: _truth,
    inspect.LiteralType: _literal,
    inspect.CustomType: _quantity,
    inspect.Metadata: _metadata,
}


def quantity_text(value: Any) -> str:
    """Hook that writes quantities: the text they were written as."""
    if isinstance(value, Quantity):
        return value.text
    msg = f"expected a quantity, got {type(value).__name__}"
    raise NotImplementedError(msg)


def quantity_of(kind: type, value: Any) -> Any:
    """Hook that reads quantities from their text."""
    if issubclass(kind, Quantity) and isinstance(value, str):
        return kind(value)
    msg = f"expected a quantity as text, got {type(value).__name__}"
    raise msgspec.ValidationError(msg)
