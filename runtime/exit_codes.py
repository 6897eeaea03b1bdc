"""How a `tocsin` command ends."""

from typing import Final

GOOD: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2  # of the command line, or of the configuration
