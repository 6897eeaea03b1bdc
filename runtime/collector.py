"""Python's cyclic garbage collector, kept out of work that it would only hold up."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Net new objects until the young are looked at, and how often that is until the next older ones
# are: a full collection comes after two million, a look at the young takes some ms.
SELDOM: Final = (10_000, 10, 20)


@contextmanager
def resting() -> Iterator[None]:
    """No collection until the end of the block; others in the process wait for theirs too.

    A copy of 100,000 open alarms makes so many objects that the collector walks all of them again
    and again, for most of the copy's time, and finds nothing: none of them is in a cycle.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def seldom() -> Iterator[None]:
    """Few full collections until the end of the block, in the whole process.

    With 100,000 open alarms one holds everybody up for more than a second, and Python's own
    thresholds begin one after every few thousand new alarms. What is in a cycle is still found: it
    counts as new objects do.
    """
    former = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*former)
