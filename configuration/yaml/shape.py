"""What the structs are made of that engineers write: their fields, and what may stand in each."""

from functools import cache
from typing import Final

from msgspec import inspect

BY_LOADER: Final = {"by_loader": True}  # `extra` of fields that no file may write


@cache
def shape(kind: type) -> inspect.StructType:
    """What a struct is made of; asked once for each, as an answer for a pack takes milliseconds."""
    node = inspect.type_info(kind)
    assert isinstance(node, inspect.StructType)
    return node


def written_fields(node: inspect.StructType) -> dict[str, inspect.Field]:
    """Fields that a file may write, by key."""
    return {
        field.encode_name: field
        for field in node.fields
        if not (isinstance(field.type, inspect.Metadata) and field.type.extra == BY_LOADER)
    }
