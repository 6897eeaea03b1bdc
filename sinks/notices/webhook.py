"""Notices as webhooks, signed after Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Any, Final

import aiohttp
import msgspec

from broker.access import secret_text
from contracts.bounded_text import bounded
from contracts.desk.notice import Notice
from contracts.desk.receiver import WebhookTarget
from contracts.errors import AccessDenied
from contracts.kafka import Secret
from contracts.ports.clock import Clock
from contracts.quantities import NS_PER_S
from sinks.notices.transport import DELIVERED, Address, Answer, Telling, post

BODY_BYTES_MAX: Final = 20_000  # Standard Webhooks: payloads should stay below 20 kB
KEY_PREFIX: Final = "whsec_"
KEY_BYTES: Final = range(24, 65)
_TEXT_BYTES: Final = 4_000  # of each language, where a notice must be cut
_PEOPLE: Final = 20


class Webhook:
    """`Transport` to an address that takes signed webhooks.

    Parameters
    ----------
    target : WebhookTarget
    where : str
        Where the receiver is configured, for messages.
    session : aiohttp.ClientSession
    clock : Clock
        For the time of each try.

    References
    ----------
    Standard Webhooks, specification 1.0, https://www.standardwebhooks.com
    """

    follows = False
    refers = False
    resend_s = 0.0

    def __init__(
        self, target: WebhookTarget, where: str, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._target = target
        self._where = where
        self._address = Address(session, target.url, target.timeout.ns / NS_PER_S)
        self._clock = clock
        self.delays_s: Sequence[float] = [delay.ns / NS_PER_S for delay in target.retry]
        self.patience_s = sum(self.delays_s)

    async def tell(self, telling: Telling) -> Answer:
        """Try once; the id is the same at each try, time and signatures are those of the try."""
        body, stamp = payload(telling), str(self._clock.now_ms() // 1000)
        try:
            keys = [key_of(f"{self._where}: secrets", one) for one in self._target.secrets]
        except AccessDenied as error:  # a file that is being written anew
            return Answer("retry", str(error))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": telling.notice.id,
            "webhook-timestamp": stamp,
            "webhook-signature": signatures(keys, telling.notice.id, stamp, body),
        }
        return await post(self._address, body, headers)

    async def resend(self, notices: Sequence[Notice]) -> Answer:
        """Nothing is told twice."""
        del notices
        return DELIVERED


def key_of(setting: str, secret: Secret) -> bytes:
    """Bytes of a key as it is now.

    Raises
    ------
    AccessDenied
        When it cannot be read, or is none.
    """
    text = secret_text(setting, secret)
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(KEY_PREFIX) or len(key) not in KEY_BYTES:
        expected = f"{KEY_PREFIX} and base64 of {KEY_BYTES[0]} to {KEY_BYTES[-1]} bytes"
        msg = f"{setting}: expected {expected} in {secret.name}, got something else; write it anew"
        raise AccessDenied(msg, 0.0)
    return key


def signatures(keys: Iterable[bytes], identifier: str, stamp: str, body: bytes) -> str:
    """A signature by each key, separated by spaces.

    >>> key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> body = b'{"test": 2432232314}'
    >>> signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    text = f"{identifier}.{stamp}.".encode() + body
    digests = (hmac.digest(key, text, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def payload(telling: Telling) -> bytes:
    """Body of a webhook: type, time of the notice, the notice, and by how much it is late.

    A notice that would be too large has its texts and people cut, and says so.
    """
    notice, cut = telling.notice, False
    most = _TEXT_BYTES
    while len(body := _encoded(notice, telling.late_s, cut=cut)) >= BODY_BYTES_MAX:
        texts = {language: bounded(text, most) for language, text in notice.text.items()}
        people = [bounded(name, most // 10) for name in notice.to[:_PEOPLE]]
        counts = dict(list(notice.counts.items())[:_PEOPLE])
        notice = msgspec.structs.replace(notice, text=texts, to=people, counts=counts)
        cut, most = True, max(most // 2, 80)
    return body


def _encoded(notice: Notice, late_s: int, *, cut: bool) -> bytes:
    data: dict[str, Any] = {"type": "notice", "timestamp": notice.at}
    if late_s:
        data |= {"late": True, "late_s": late_s}
    if cut:
        data["cut"] = True
    return msgspec.json.encode({**data, "data": notice})
