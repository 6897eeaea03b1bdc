"""How readings come, for whoever plans."""

from typing import Final, Literal, NamedTuple

Form = Literal["json", "arrow"]
READINGS_MAX: Final = 4_000  # of a message, as `ingest.encode` has it, which takes long to load


class Messages(NamedTuple):
    """How readings come.

    Parameters
    ----------
    form : {"json", "arrow"}
    readings : int
        In one message.
    """

    form: Form
    readings: int
