"""What judging an input raises, told from what the world does meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from contracts.errors import InputError, TocsinError
from contracts.records import Records

T = TypeVar("T")

# What a broker, a disk, the memory or a deadline raises says nothing of the input.
OF_THE_WORLD: Final = (TocsinError, OSError, MemoryError)


def judging(turns: Iterator[None], what: str, records: Records | None = None) -> Iterator[None]:
    """Turns of a step that judges an input.

    Parameters
    ----------
    turns : iterator
    what : str
        The input, for people.
    records : Records, optional
        When that is what it is.

    Raises
    ------
    InputError
        When the input cannot be judged.
    """
    with _told_apart(what, records):
        yield from turns


def judged(work: Callable[[], T], what: str) -> T:
    """The same for work in one piece."""
    with _told_apart(what):
        return work()


@contextmanager
def _told_apart(what: str, records: Records | None = None) -> Iterator[None]:
    try:
        yield
    except OF_THE_WORLD:
        raise
    except Exception as error:  # whatever the input made happen
        if records is None or not len(records):
            raise InputError(what, error) from error
        offsets = int(records.offset[0]), int(records.offset[-1])
        raise InputError(what, error, offsets, len(records)) from error
