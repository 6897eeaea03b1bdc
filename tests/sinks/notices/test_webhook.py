"""Webhooks: signed for others to verify, tried as the specification says, from bounded answers."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import msgspec
import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from contracts.desk.receiver import Receiver, WebhookTarget
from contracts.kafka import Secret
from contracts.quantities import Duration
from sinks.notices.delivery import Delivery
from sinks.notices.transport import Telling
from sinks.notices.webhook import BODY_BYTES_MAX, Webhook, payload
from tests.testkit.desk.notices import AT, Hook, MemoryReceipts, WoundTimer, hook, notice

OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 24).decode()


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    """Two files of secrets."""
    files = [tmp_path / "old", tmp_path / "new"]
    for file, text in zip(files, (OLD, NEW), strict=True):
        file.write_text(text + "\n")
    return files


@asynccontextmanager
async def webhook(
    server: Hook, keys: list[Path], within: str = "10 s"
) -> AsyncIterator[tuple[Delivery, MemoryReceipts, WoundTimer]]:
    """A delivery to a server that runs."""
    secrets = [Secret(f"${{file:{path}}}") for path in keys]
    target = WebhookTarget(url=server.url, secrets=secrets, timeout=Duration(within))
    timer, receipts = WoundTimer(), MemoryReceipts()
    async with aiohttp.ClientSession() as session:
        transport = Webhook(target, "notices: desk", session, timer)
        told = Delivery(Receiver(id="desk"), transport, receipts, timer, receipts.standing("desk"))
        telling = asyncio.create_task(told.run())
        try:
            yield told, receipts, timer
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def test_an_independent_verifier_takes_the_signature_of_each_key_and_of_no_other(
    keys: list[Path],
) -> None:
    async with hook() as server, webhook(server, keys) as (told, receipts, _):
        await told.offer(notice("0123456789abcdef"), 0)
        await receipts.until(1)
        ((headers, body),) = server.requests
        for secret in (OLD, NEW):
            data = Verifier(secret).verify(body, headers)
            assert data["type"] == "notice"
            assert data["timestamp"] == AT
            assert data["data"]["text"]["zh"].startswith("【红色】")
        with pytest.raises(WebhookVerificationError):
            Verifier(base64.b64encode(b"x" * 32).decode()).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(OLD).verify(body.replace(b"Old Town", b"New Town"), headers)
        assert headers["webhook-id"] == "n-0123456789abcdef"


async def test_a_key_is_changed_while_it_runs(keys: list[Path]) -> None:
    async with hook() as server, webhook(server, keys[:1]) as (told, receipts, timer):
        keys[0].write_text("not a key")
        await told.offer(notice(0), 0)
        assert await timer.waiting() == 5.0
        assert "expected whsec_ and base64 of 24 to 64 bytes" in told.status.trouble
        assert "not a key" not in told.status.trouble
        keys[0].write_text(NEW)
        await timer.wind()
        await receipts.until(1)
        ((headers, body),) = server.requests
        Verifier(NEW).verify(body, headers)


async def test_tries_follow_the_plan_of_standard_webhooks_under_one_key(keys: list[Path]) -> None:
    async with hook([500] * 7) as server, webhook(server, keys) as (told, receipts, timer):
        await told.offer(notice(0), 0)
        waits = []
        for tries in range(1, 8):
            await server.until(tries)
            wait_s = await timer.wind()
            if tries > 1:  # in two parts, and only the second ends when a notice comes
                wait_s += await timer.wind()
            waits.append(wait_s)
        (receipt,) = await receipts.until(1)
        hour = 3600.0
        assert waits == [5.0, 300.0, 1800.0, 2 * hour, 5 * hour, 10 * hour, 14 * hour]
        assert set(server.ids) == {"n-0"}
        stamps = [int(headers["webhook-timestamp"]) for headers, _ in server.requests]
        assert [b - a for a, b in pairwise(stamps)] == waits
        assert receipt.tries == 8
        assert json.loads(server.requests[-1][1])["late"] is True


async def test_what_is_given_up_has_had_every_try(keys: list[Path]) -> None:
    async with hook([500] * 8) as server, webhook(server, keys) as (told, receipts, timer):
        await told.offer(notice(0), 0)
        for _ in range(13):
            await timer.wind()
        (receipt,) = await receipts.until(1)
        assert (receipt.outcome, receipt.tries) == ("failed", 8)
        assert receipt.detail == "given up: 500 as told"


async def test_a_refusal_is_for_good_and_a_redirect_is_not_followed(keys: list[Path]) -> None:
    async with hook([404, 302, 307]) as server, webhook(server, keys) as (told, receipts, timer):
        await told.offer(notice(0), 0)
        await told.offer(notice(1, incident="i-1"), 1)
        await server.until(2)
        await timer.wind()
        await server.until(3)
        await timer.wind()
        await timer.wind()
        await receipts.until(2)
        assert server.ids == ["n-0", "n-1", "n-1", "n-1"]
        assert set(server.paths) == {"/hook"}
        assert receipts.kept[0].detail == "refused: 404 as told"
        assert receipts.outcomes() == {"n-0": "failed", "n-1": "delivered"}


async def test_a_slow_receiver_is_told_again_by_the_same_key(keys: list[Path]) -> None:
    async with hook(["slow"]) as server, webhook(server, keys, "50 ms") as (told, receipts, timer):
        await told.offer(notice(0), 0)
        assert await timer.waiting() == 5.0
        assert told.status.trouble == "no answer within 0.05 s"
        await timer.wind()
        await receipts.until(1)
        assert server.ids == ["n-0", "n-0"]


async def test_an_answer_without_an_end_is_read_to_a_bound(keys: list[Path]) -> None:
    async with hook(["endless"]) as server, webhook(server, keys) as (told, receipts, _):
        await told.offer(notice(0), 0)
        (receipt,) = await receipts.until(1)
        assert receipt.outcome == "delivered"


async def test_a_receiver_that_is_not_there_is_tried_again(keys: list[Path]) -> None:
    server = Hook()
    async with hook() as gone:
        server.url = gone.url
    async with webhook(server, keys) as (told, _, timer):
        await told.offer(notice(0), 0)
        assert await timer.waiting() == 5.0
        assert "Connect" in told.status.trouble


@pytest.mark.parametrize("letter", ["a", "管", '"', "\x01"])
def test_a_body_is_bounded_whatever_a_notice_says(letter: str) -> None:
    long = notice(
        0,
        text={"en": letter * 100_000, "zh": letter * 100_000},
        to=[letter * 5_000] * 5_000,
        counts={f"{letter}{number}": number for number in range(5_000)},
    )
    body = payload(Telling(long))
    assert len(body) < BODY_BYTES_MAX
    assert msgspec.json.decode(body)["cut"] is True
    assert "cut" not in msgspec.json.decode(payload(Telling(notice(0))))
