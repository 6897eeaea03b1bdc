"""Who is signed in: opaque tokens, of which the server keeps hashes, and limits on guessing."""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import web

from console.accounts import Account

IDLE_S: Final = 30 * 60.0  # the page asks every few seconds while it is open
WHOLE_S: Final = 12 * 3600.0  # a shift with its handover
SESSIONS_MAX: Final = 10_000
TRIES: Final = 5  # by user
TRIES_OF_ADDRESS: Final = 30  # a control room has one address
WINDOW_S: Final = 300.0
KEYS_MAX: Final = 100_000


class Session:
    """One sign-in.

    Parameters
    ----------
    user : str
    account : Account
    now_s : float

    Attributes
    ----------
    csrf : str
        What the page must send with everything that changes something.
    leave_at : str
        Where the browser signs out of the provider that has signed this person in; empty without.
    """

    def __init__(self, user: str, account: Account, now_s: float) -> None:
        self.user = user
        self.account = account
        self.csrf = secrets.token_urlsafe(32)
        self.leave_at = ""
        self.began_s = now_s
        self.used_s = now_s


SESSION: Final = web.RequestKey("session", Session)  # of a request that may be answered


class Sessions:
    """Sessions of one process; a restart signs everybody out.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, user: str, account: Account) -> tuple[str, Session]:
        """Token for the cookie, and the session; the oldest one goes when there are too many."""
        self._expire()
        while len(self._held) >= SESSIONS_MAX:
            del self._held[next(iter(self._held))]
        token = secrets.token_urlsafe(32)
        session = Session(user, account, self._clock())
        self._held[_hashed(token)] = session
        return token, session

    def find(self, token: str) -> Session | None:
        """Session of a token that has not expired; it counts as used."""
        key = _hashed(token)
        session = self._held.get(key)
        if session is None:
            return None
        if self._over(session):
            del self._held[key]
            return None
        session.used_s = self._clock()
        return session

    def end(self, token: str) -> None:
        """Forget a session."""
        self._held.pop(_hashed(token), None)

    def _over(self, session: Session) -> bool:
        now_s = self._clock()
        return now_s - session.used_s > IDLE_S or now_s - session.began_s > WHOLE_S

    def _expire(self) -> None:
        for key in [key for key, session in self._held.items() if self._over(session)]:
            del self._held[key]


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


class Tries:
    """Failed sign-ins of late, by user and by address.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failed: dict[tuple[str, str], deque[float]] = {}

    def too_many(self, user: str | None, address: str) -> bool:
        """Whether nobody may try again yet, not even with the right password.

        Without a user, which a provider alone knows, the address counts.
        """
        most = {("address", address): TRIES_OF_ADDRESS}
        if user is not None:
            most["user", user] = TRIES
        return any(len(self._lately(key)) >= limit for key, limit in most.items())

    def failed(self, user: str | None, address: str) -> None:
        """Count one."""
        users = [] if user is None else [("user", user)]
        for key in [*users, ("address", address)]:
            while key not in self._failed and len(self._failed) >= KEYS_MAX:
                del self._failed[next(iter(self._failed))]
            self._failed.setdefault(key, deque()).append(self._clock())

    def good(self, user: str | None, address: str) -> None:
        """Forget those of a user who has signed in; this one of its address."""
        if user is not None:
            self._failed.pop(("user", user), None)
        if tries := self._failed.get(("address", address)):
            tries.pop()

    def _lately(self, key: tuple[str, str]) -> deque[float]:
        found = self._failed.get(key, deque())
        while found and found[0] < self._clock() - WINDOW_S:
            found.popleft()
        if not found:
            self._failed.pop(key, None)
        return found
