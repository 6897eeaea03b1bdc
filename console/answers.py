"""Answers over HTTP: JSON, refusals in two languages, and headers that close doors."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from contracts.errors import TocsinError

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
API: Final = "/api/"
NO_STORE: Final = "no-store"
_WORDS: Final = {
    "bad_request": (400, "The request cannot be read.", "请求无法读取。"),
    "signed_out": (401, "Sign in first.", "请先登录。"),
    "wrong": (401, "Wrong name or password.", "用户名或密码错误。"),
    "not_allowed": (403, "Your role may not do this, or not here.", "您的角色无权执行此操作。"),
    "bad_csrf": (403, "The page is out of date: load it anew.", "页面已过期，请重新加载。"),
    "not_found": (404, "There is no such thing.", "没有找到。"),
    "conflict": (409, "Somebody has changed this meanwhile.", "此事项已被他人更改。"),
    "too_large": (413, "The request is too large.", "请求过大。"),
    "too_many": (429, "Too many tries: wait a few minutes.", "尝试次数过多，请稍后再试。"),
    "history_away": (503, "The history does not answer.", "历史库没有响应。"),
    "readings_away": (503, "Readings cannot be had from the brokers.", "无法从消息平台读取读数。"),
    "readings_busy": (503, "Too many ask for readings: try again.", "读数请求过多，请稍后再试。"),
    "recovery_away": (503, "Recovery cannot be worked out now.", "目前无法计算恢复情况。"),
    "recovery_busy": (503, "Too many ask for it: try again.", "请求过多，请稍后再试。"),
    "commands_away": (
        503,
        "The brokers do not answer; the command may still take effect within a minute.",
        "消息平台无响应，操作仍可能在一分钟内生效。",
    ),
}


class Refusal(Exception):  # noqa: N818 - not an error: an answer
    """What is answered instead of what was asked for.

    Parameters
    ----------
    code : str
        One of those that the page knows.
    more : object
        Further fields of the answer.
    """

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.code = code
        self.more = more

    def response(self) -> web.Response:
        """As JSON, in both languages."""
        status, en, zh = _WORDS[self.code]
        said = {"error": self.code, "message": {"en": en, "zh": zh}, **self.more}
        return answered(said, status)


def answered(body: Any, status: int = 200) -> web.Response:
    """JSON of anything that msgspec can write."""
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into answers, and give every answer its headers."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = refusal.response()
    except TocsinError:
        response = Refusal("history_away").response()
    except web.HTTPRequestEntityTooLarge:
        response = Refusal("too_large").response()
    except web.HTTPNotFound:
        response = Refusal("not_found").response()
    if not response.prepared:
        secure(request, response)
    return response


def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has."""
    response.headers.update(HEADERS)
    if request.path.startswith(API):
        response.headers["Cache-Control"] = NO_STORE
