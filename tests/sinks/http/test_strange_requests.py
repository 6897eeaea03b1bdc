"""Whatever a stranger sends to the port of metrics and probes is answered or cut off."""

import asyncio
import contextlib
import logging
from typing import Final

import pytest

from tests.sinks.http.test_health import serving
from tests.sinks.http.wound import WoundStatus, busy

pytestmark = pytest.mark.slow

GET: Final = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
REQUESTS: Final = {
    "a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    "no words": b"\0" * 100_000,
    "lines without an end": b"GET /" + b"a" * 1_000_000,
    "a header without an end": GET + b"X: " + b"a" * 1_000_000,
    "headers without an end": GET + b"X: y\r\n" * 100_000,
    "a path out of the folder": b"GET /metrics/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "another's address": b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": GET + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
    "a length below nothing": GET + b"Content-Length: -1\r\n\r\n",
    "a length of many digits": GET + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "a length and chunks": GET
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET ",
    "a chunk beyond all sizes": GET + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "chunks without an end": GET + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000,
    "a body of megabytes": b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    + bytes(9_000_000),
    "a bomb": GET + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\n\x1f\x8b\x08\0\0\0\0\0",
    "a socket": GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "a promise": GET + b"Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n",
    "an unknown promise": GET + b"Expect: " + b"x" * 5_000 + b"\r\n\r\n",
    "a folded header": GET + b"X: a\r\n b\r\n\tc\r\n\r\n",
    "a split answer": b"GET /livez?%0d%0aSet-Cookie:a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a range": GET + b"Range: bytes=" + b"0-1," * 5_000 + b"\r\n\r\n",
    "formats without end": b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: "
    + b"a/b;q=0," * 900
    + b"\r\n\r\n",
    "thousands at once": (GET + b"\r\n") * 5_000,
    "no version": b"GET /livez\r\n\r\n",
    "a version of the future": b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
}


async def sent(port: int, body: bytes) -> None:
    """Send something, read what comes for a while, and hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(body)
        async with asyncio.timeout(0.5):
            await writer.drain()
            while await reader.read(1 << 16):
                pass
    writer.close()


@pytest.mark.parametrize("name", REQUESTS)
async def test_probes_are_answered_behind_a_strange_request(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(WoundStatus([busy()])) as (server, session), asyncio.timeout(60):
        await asyncio.gather(*(sent(server.port, REQUESTS[name]) for _ in range(20)))
        for path in ("/livez", "/readyz", "/metrics"):
            async with session.get(path) as answer:
                assert answer.status == 200
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not any(record.exc_info for record in said)
    assert sum(len(record.getMessage()) for record in said) < 4096
