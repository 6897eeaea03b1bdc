"""What `tocsin new class` leaves for people to write: nothing runs by it until they have."""

import re
from dataclasses import replace
from typing import Any, Final

from configuration.yaml.fill import BAD, Page
from configuration.yaml.findings import Path

_PLACEHOLDER: Final = re.compile(r"<fill in ([^<>]+)>")


def placeholder(what: str) -> str:
    """What stands where people must write.

    >>> placeholder("the lowest level that is safe")
    '<fill in the lowest level that is safe>'
    """
    return f"<fill in {what}>"


def without_placeholders(page: Page) -> Page:
    """The page with `BAD` in place of each value that has a placeholder; each is noted."""
    data = _judged(page.located.data, (), page)
    return replace(page, located=replace(page.located, data=data))


def _judged(value: Any, path: Path, page: Page) -> Any:
    if isinstance(value, dict):
        return {key: _judged(item, (*path, key), page) for key, item in value.items()}
    if isinstance(value, list):
        return [_judged(item, (*path, i), page) for i, item in enumerate(value)]
    left = _PLACEHOLDER.search(value) if isinstance(value, str) else None
    if left is None:
        return value
    page.find(path, f"expected {left[1]}, got a placeholder; write it in its place")
    return BAD
