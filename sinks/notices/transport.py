"""What carries a notice to its receiver, and what the receiver answers."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import aiohttp

from contracts.desk.notice import Notice

ANSWER_BYTES: Final = 500  # of what a receiver says, for logs and receipts; the rest is not read
RETRY_AFTER_S_MAX: Final = 3_600.0
# Of the codes 400 to 499, those by which a receiver asks for another try.
_LATER: Final = frozenset({408, 425, 429})
_GONE: Final = 410


class Answer(NamedTuple):
    """What became of one try.

    Parameters
    ----------
    kind : str
        `delivered`; `refused`: never to be tried again; `retry`; `gone`: the receiver wants nothing
        any more.
    detail : str
        Code and words of the receiver, or why there are none.
    after_s : float
        For how long the receiver asks not to be called.
    """

    kind: Literal["delivered", "refused", "retry", "gone"]
    detail: str = ""
    after_s: float = 0.0


DELIVERED: Final = Answer("delivered")


class Telling(NamedTuple):
    """A notice on its way.

    Parameters
    ----------
    notice : Notice
    late_s : int
        Its age if that makes it late, else 0.
    before : Notice or None
        What the same desk was told last of the same incident, while that is not over.
    """

    notice: Notice
    late_s: int = 0
    before: Notice | None = None


class Transport(Protocol):
    """One way to tell one receiver. It keeps nothing: what is open is kept for it.

    Attributes
    ----------
    delays_s : sequence of float
        Before each further try, the last one for all that follow.
    patience_s : float
        After which a notice is given up.
    follows : bool
        Whether it needs to know what was told of incidents that are not over.
    refers : bool
        Whether what it sends names what was sent before: then a notice that may have arrived is
        never passed over, since its end could not name it.
    resend_s : float
        How often what is open is told again, 0 for never.
    """

    delays_s: Sequence[float]
    patience_s: float
    follows: bool
    refers: bool
    resend_s: float

    async def tell(self, telling: Telling) -> Answer:
        """Try once, in bounded time; raises nothing for what a receiver does."""

    async def resend(self, notices: Sequence[Notice]) -> Answer:
        """Say once more what is open."""


class Address(NamedTuple):
    """Where requests go.

    Parameters
    ----------
    session : aiohttp.ClientSession
    url : str
    timeout_s : float
        Of one request with its answer.
    """

    session: aiohttp.ClientSession
    url: str
    timeout_s: float


async def post(address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send one request and judge its answer, of which a bounded part is read; follow nobody."""
    try:
        async with (
            asyncio.timeout(address.timeout_s),
            address.session.post(
                address.url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            said = await response.content.read(ANSWER_BYTES)
            return judged(response.status, said, response.headers.get("Retry-After", ""))
    except TimeoutError:
        return Answer("retry", f"no answer within {address.timeout_s:g} s")
    except (aiohttp.ClientError, OSError) as error:
        return Answer("retry", f"{type(error).__name__}: {error}"[:ANSWER_BYTES])


def judged(code: int, said: bytes, retry_after: str = "") -> Answer:
    """What an HTTP code means.

    Parameters
    ----------
    code : int
        A redirect is a failure: it is not followed, and may be put right.
    said : bytes
        Begin of the body.
    retry_after : str
        Header of this name, in seconds; a date is passed over.

    Examples
    --------
    >>> [judged(code, b"").kind for code in (204, 302, 400, 410, 429, 503)]
    ['delivered', 'retry', 'refused', 'gone', 'retry', 'retry']
    >>> judged(503, b"busy", "120")
    Answer(kind='retry', detail='503 busy', after_s=120.0)
    """
    detail = f"{code} {said.decode('utf-8', 'replace')}".strip()
    if 200 <= code < 300:
        return Answer("delivered", detail)
    if code == _GONE:
        return Answer("gone", detail)
    if 400 <= code < 500 and code not in _LATER:
        return Answer("refused", detail)
    after_s = float(retry_after) if retry_after.isdecimal() and retry_after.isascii() else 0.0
    return Answer("retry", detail, min(after_s, RETRY_AFTER_S_MAX))
