"""JSON Schema of a class file, for editors: every key, its meaning, and what may stand there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

from alarms.rationalisation import Rationalisation
from configuration.checks.pack import CLASS
from configuration.pack import Pack
from configuration.yaml.overrides import CHANNEL, KEY, TAG
from configuration.yaml.shape import shape, written_fields
from configuration.yaml.shared_duties import FILE as SHARED
from configuration.yaml.shared_duties import LIKE
from configuration.yaml.units import FIGURE, RATE
from contracts.kafka import Secret
from contracts.quantities import ABSOLUTE, DIFFERENCE, Quantity, Rate

DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # what editors of YAML know best
_ENTRY: Final = re.compile(r"^(\S.*?) : .*\n((?:    .*\n?|\n)+)", re.MULTILINE)
_LIKE: Final = {
    "description": f"Name of a duty in {SHARED}; keys beside it stand in place of its own",
    "type": "string",
}
_OVERRIDES: Final = {
    "description": "Values in place of the class's own for channels with a tag, or for one channel",
    "type": "object",
    "patternProperties": {f"^({TAG}|{CHANNEL})": {"type": "object", "minProperties": 1}},
    "additionalProperties": False,
}


def class_schema() -> dict[str, Any]:
    """Schema of a class file, with the kinds of rules of all installed packages."""
    schema = _shape(shape(Pack), figure=False)
    properties = schema["properties"]
    properties["class"]["pattern"] = f"^{CLASS.pattern}$"
    properties[KEY] = _OVERRIDES
    return {"$schema": DRAFT, "title": "Tocsin: a class of channels", **schema}


def schema_of(kind: type) -> dict[str, Any]:
    """Schema of any struct that people write."""
    return _shape(shape(kind), figure=False)


def _shape(node: inspect.Type, *, figure: bool) -> dict[str, Any]:
    """Schema of a type; `figure` says that plain numbers in it are in the unit of the class."""
    if isinstance(node, inspect.Metadata):
        return _shape(node.type, figure=figure or node.extra in (ABSOLUTE, DIFFERENCE))
    if isinstance(node, inspect.UnionType):  # "or left out": nothing is never written
        inner = next(kind for kind in node.types if not isinstance(kind, inspect.NoneType))
        return _shape(inner, figure=figure)
    if isinstance(node, inspect.FloatType | inspect.IntType):
        return _number(node, figure=figure)
    if isinstance(node, inspect.StructType):
        return _struct(node, figure=figure)
    if isinstance(node, inspect.CustomType):
        return _quantity(node.cls)
    return _collection(node, figure=figure)


def _collection(node: inspect.Type, *, figure: bool) -> dict[str, Any]:
    if isinstance(node, inspect.TupleType):
        items = [_shape(kind, figure=figure) for kind in node.item_types]
        size = {"minItems": len(items), "maxItems": len(items)}
        return {"type": "array", "items": items, **size}
    if isinstance(node, inspect.ListType):
        sizes = {"minItems": node.min_length, "maxItems": node.max_length}
        return {"type": "array", "items": _shape(node.item_type, figure=figure), **_given(sizes)}
    if isinstance(node, inspect.DictType):
        return {"type": "object", "additionalProperties": _shape(node.value_type, figure=figure)}
    return _word(node)


def _word(node: inspect.Type) -> dict[str, Any]:
    if isinstance(node, inspect.LiteralType):
        return {"enum": list(node.values)}
    if isinstance(node, inspect.BoolType):
        return {"type": "boolean"}
    assert isinstance(node, inspect.StrType), node
    return {
        "type": "string",
        **_given({"minLength": node.min_length, "maxLength": node.max_length}),
    }


def _given(words: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in words.items() if value is not None}


def _number(node: inspect.FloatType | inspect.IntType, *, figure: bool) -> dict[str, Any]:
    bounds = {"exclusiveMinimum": node.gt, "minimum": node.ge}
    bounds |= {"exclusiveMaximum": node.lt, "maximum": node.le}
    kind = "integer" if isinstance(node, inspect.IntType) else "number"
    number = {"type": kind, **_given(bounds)}
    if not figure:
        return number
    return {"anyOf": [number, {"type": "string", "pattern": f"^{FIGURE.pattern}$"}]}


def _quantity(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "pattern": f"^{Secret.PATTERN}$", "description": Secret.EXPECTED}
    assert issubclass(kind, Quantity)
    pattern = RATE.pattern if kind is Rate else kind.PATTERN
    return {"type": "string", "pattern": f"^{pattern}$", "description": kind.EXPECTED}


def _struct(node: inspect.StructType, *, figure: bool) -> dict[str, Any]:
    fields = written_fields(node)
    about = dict(meanings(node.cls))
    properties = {}
    for key, field in fields.items():
        shape = _shape(field.type, figure=figure)
        itself = shape.get("description", "")
        said = (
            itself if "duty" in shape.get("properties", ()) else ""
        )  # a rule tells best what it is
        meaning = said or about.get(key) or about.get(field.name) or itself
        properties[key] = {**shape, **({"description": meaning} if meaning else {})}
        properties[key] |= _default(field)
    wanted: dict[str, Any] = {"required": [key for key, field in fields.items() if field.required]}
    if node.cls is Rationalisation:  # a shared one may say the rest
        properties = {LIKE: _LIKE, **properties}
        wanted = {"anyOf": [{"required": [LIKE]}, wanted]}
    return {
        "type": "object",
        "description": _summary(node.cls),
        "properties": properties,
        **wanted,
        "additionalProperties": False,
    }


def _default(field: inspect.Field) -> dict[str, Any]:
    value = field.default
    if isinstance(value, Quantity):
        return {"default": str(value)}
    return {"default": value} if isinstance(value, str | int | float) else {}


def _own(kind: type) -> type:
    """The words themselves, where a duty was put beside them."""
    return kind.__mro__[1] if "duty" in getattr(kind, "__struct_fields__", ()) else kind


def _summary(kind: type) -> str:
    """First sentence of what a struct says of itself."""
    text = next((base.__doc__ for base in _own(kind).__mro__ if "__doc__" in vars(base)), "") or ""
    return " ".join(text.split("\n\n", 1)[0].split())


def meanings(kind: type) -> Iterator[tuple[str, str]]:
    """What the docstrings say of each field, the nearest last."""
    for base in reversed(_own(kind).__mro__):
        text = vars(base).get("__doc__") or ""
        if base is msgspec.Struct or "Parameters\n" not in text:
            continue
        lines = [line.removeprefix("    ") for line in text.splitlines()]
        block = "\n".join(lines).split("Parameters\n", 1)[1].partition("\n")[2]
        block = re.split(r"\n\S+\n-{3,}", block)[0] + "\n"
        for names, said in _ENTRY.findall(block):
            meaning = " ".join(said.split())
            yield from ((name.strip(), meaning) for name in names.split(","))
