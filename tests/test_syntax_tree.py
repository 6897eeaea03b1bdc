"""Trees are made whole although the collector runs code that parses, too."""

import ast
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import syntax_tree

TEXT = "\n".join(f"f({i}, [a, (b, c)], {{'d': {i}}})" for i in range(2_000))


@pytest.fixture
def parsing_collector() -> Iterator[list[str]]:
    """A collector that is always busy and parses a line whenever it has run, as tracebacks do."""
    seen: list[str] = []

    def parse(phase: str, info: Any) -> None:
        seen.append(phase)
        ast.parse("g(h(i), [j])")

    before = gc.get_threshold()
    gc.set_threshold(50)
    gc.callbacks.append(parse)
    try:
        yield seen
    finally:
        gc.callbacks.remove(parse)
        gc.set_threshold(*before)


def fails(text: str) -> bool:
    """Whether the parser of this Python loses count of its own depth."""
    try:
        ast.parse(text)
    except SystemError as error:
        return "recursion depth mismatch" in str(error)
    return False


def test_the_collector_does_not_come_between(parsing_collector: list[str]) -> None:
    parsing_collector.clear()
    tree = syntax_tree.parse(TEXT)
    assert isinstance(tree, ast.Module)
    assert len(tree.body) == 2_000
    assert gc.isenabled()
    # The fault is there: without it this test would prove nothing. Where the last collection falls
    # decides whether it shows.
    assert any(fails(TEXT + "\npass" * lines) for lines in range(100))
    assert parsing_collector


@pytest.mark.parametrize("switch", [gc.enable, gc.disable])
def test_the_collector_is_left_as_it_was(switch: Callable[[], None]) -> None:
    switch()
    expected = gc.isenabled()
    try:
        with pytest.raises(SyntaxError):
            syntax_tree.parse("a +")
        assert gc.isenabled() is expected
    finally:
        gc.enable()
