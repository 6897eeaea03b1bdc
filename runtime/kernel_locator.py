"""Where numba finds kernels that were shipped: in a folder that nobody writes into.

Numba's own locators pass over a folder that cannot be written, and a kernel that is not found there
would end the call with an error once it is compiled and cannot be kept.
"""

import logging
from typing import Any, Final

from numba.core import caching

_LOG: Final = logging.getLogger(__name__)
_save: Final = caching.Cache.save_overload


class Shipped(caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """Kernels by their source file below one folder."""

    def ensure_cache_path(self) -> None:
        """Whether it could be written does not matter."""


def _save_if_possible(self: Any, signature: Any, data: Any) -> None:
    """Keep a kernel that was not shipped, or do without: it is compiled, and runs."""
    try:
        _save(self, signature, data)
    except OSError as error:
        _LOG.warning("%s was not shipped, and cannot be kept: %s", self, error)


caching.Cache.save_overload = _save_if_possible
