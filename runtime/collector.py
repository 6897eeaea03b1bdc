"""Python's cyclic garbage collector, kept out of work that it would only hold up."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Net new objects until the young are looked at, and how often that is until the next older ones
# are: a full collection comes after two million, a look at the young takes some ms.
SELDOM: Final = (10_000, 10, 20)


_lock = threading.Lock()
_rests = 0  # blocks that want no collection
_was_on = True  # before the first of them


@contextmanager
def resting() -> Iterator[None]:
    """No collection until the end of the block; others in the process wait for theirs too.

    A copy of 100,000 open alarms makes so many objects that the collector walks all of them again
    and again, for most of the copy's time, and finds nothing: none of them is in a cycle. Blocks of
    several threads may overlap: the collector comes back with the end of the last.
    """
    global _rests, _was_on  # noqa: PLW0603 - there is one collector
    with _lock:
        if not _rests:
            _was_on = gc.isenabled()
        _rests += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _rests -= 1
            if _was_on and not _rests:
                gc.enable()


def let_age() -> None:
    """Make what is young old at once, if it is so much that looks at the young would walk it.

    Behind the restoration of 100,000 open alarms three collections would each hold everybody up for
    more than a second, somewhere in the first minutes; nobody waits for what is being restored.
    """
    if gc.get_count()[0] > SELDOM[0]:
        gc.collect()


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
