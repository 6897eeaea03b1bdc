"""Receivers of notices, from the folder `notices` beside the lifelines."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from alarms.duty.desks import LEVELS
from alarms.duty.plan import DutyPlan
from configuration.checks.kafka import PRODUCTION
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import NOWHERE, Findings, nearest
from configuration.yaml.findings import Path as Place
from configuration.yaml.located import located
from configuration.yaml.source import source_of
from contracts.desk.receiver import (
    AlertmanagerTarget,
    CapTarget,
    Duties,
    Receiver,
    WebhookTarget,
)
from contracts.errors import ConfigError
from contracts.kafka import is_on_loopback, masked
from contracts.quantities import NS_PER_S, Duration

FOLDER: Final = "notices"
RECEIVERS_MAX: Final = 64
TRANSPORTS: Final = ("alertmanager", "webhook", "cap")
SHIPPED_LEVELS: Final = tuple(level.id for level in LEVELS)
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS: Final = frozenset({"alertname", "incident", "notice", "desk", "level", "drill"})

Target = AlertmanagerTarget | WebhookTarget | CapTarget


class NoticesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one file of the folder may hold; all files are read as one.

    Parameters
    ----------
    receivers : list of Receiver
    """

    receivers: Annotated[list[Receiver], Meta(max_length=RECEIVERS_MAX)] = []


def load_notices(
    folder: Path, desks: Iterable[str], profile: str, levels: Iterable[str] = SHIPPED_LEVELS
) -> list[Receiver]:
    """Receivers of notices; none without the folder.

    Parameters
    ----------
    folder : Path
        The configuration folder.
    desks : iterable of str
        Ids of all desks.
    profile : str
        Of the settings; `production` refuses plain text beyond this machine.
    levels : iterable of str
        Ids of all levels of desks.

    Raises
    ------
    ConfigError
        With every finding in every file.
    """
    findings = Findings()
    receivers = read_notices(folder, desks, profile, findings, levels)
    if findings.found:
        raise ConfigError(*findings.lines())
    return receivers


def duties_of(plan: DutyPlan) -> dict[str, Duties]:
    """What each desk of a plan answers for."""
    found = {}
    for desk in plan.desks:
        name = plan.areas.get(desk.area)
        names = {} if name is None else {"en": name.en, "zh": name.zh}
        found[desk.id] = Duties(desk.area, names, tuple(desk.lifelines))
    return found


def read_notices(
    folder: Path,
    desks: Iterable[str],
    profile: str,
    findings: Findings,
    levels: Iterable[str] = SHIPPED_LEVELS,
) -> list[Receiver]:
    """The same, noting what is wrong."""
    known = frozenset(desks)
    seen: dict[str, str] = {}
    receivers: list[Receiver] = []
    for page in _pages(folder, findings):
        file = fill(NoticesFile, page)
        for number, receiver in enumerate(file.receivers if file is not None else ()):
            _judge(receiver, ("receivers", number), page, known)
            _judge_levels(receiver, ("receivers", number), page, tuple(levels))
            _judge_target(receiver, ("receivers", number), page, profile)
            other = seen.setdefault(receiver.id, page.file)
            if any(receiver.id == one.id for one in receivers):
                text = f"expected each receiver once, got {receiver.id!r} of {other} again"
                page.find(("receivers", number, "id"), f"{text}; keep one")
            receivers.append(receiver)
    if len(receivers) > RECEIVERS_MAX:
        text = f"expected at most {RECEIVERS_MAX} receivers, got {len(receivers)}; join some"
        findings.add((folder / FOLDER).as_posix(), NOWHERE, "receivers", text)
    return receivers


def _pages(folder: Path, findings: Findings) -> Iterator[Page]:
    for path in sorted((folder / FOLDER).glob("*.y*ml")):
        name = path.as_posix()
        if path.suffix == ".yml":
            text = "expected the ending `.yaml`, got `.yml`; rename the file"
            findings.add(name, NOWHERE, "", text)
        source = source_of(path, name, findings)
        if source is not None and (tree := located(name, source, findings)) is not None:
            yield Page(name, tree, findings)


def _judge(receiver: Receiver, path: Place, page: Page, desks: frozenset[str]) -> None:
    if not _ID.fullmatch(receiver.id):
        page.refuse((*path, "id"), "lower-case letters, digits and `-`", receiver.id)
    for number, desk in enumerate(receiver.desks):
        if desk not in desks:
            advice = nearest(desk, desks)
            page.refuse((*path, "desks", number), "a desk's id", desk, advice)
    _judge_time((*path, "late_after"), receiver.late_after, page)
    given = [name for name in TRANSPORTS if getattr(receiver, name) is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        text = f"expected one of {', '.join(TRANSPORTS)}, got {got}; a receiver has one of them"
        page.find(path, text)


def _judge_levels(receiver: Receiver, path: Place, page: Page, levels: Sequence[str]) -> None:
    for number, level in enumerate(receiver.levels):
        if level not in levels:
            expected = f"a level of {', '.join(levels)}"
            page.refuse((*path, "levels", number), expected, level, nearest(level, levels))


def _judge_target(receiver: Receiver, path: Place, page: Page, profile: str) -> None:
    for name in TRANSPORTS:
        target: Target | None = getattr(receiver, name)
        if target is None:
            continue
        here: Place = (*path, name)
        _judge_time((*here, "timeout"), target.timeout, page)
        if target.url is not None:
            _judge_url((*here, "url"), target.url, page, profile)
        if isinstance(target, CapTarget) and target.folder is None and target.url is None:
            text = "expected `folder` or `url`, got none of them; say where messages go"
            page.find(here, text)
        elif isinstance(target, WebhookTarget):
            for number, delay in enumerate(target.retry):
                _judge_time((*here, "retry", number), delay, page)
        elif isinstance(target, AlertmanagerTarget):
            _judge_alertmanager(target, here, page)


def _judge_alertmanager(target: AlertmanagerTarget, path: Place, page: Page) -> None:
    _judge_time((*path, "resend"), target.resend, page)
    for label in target.labels:
        if label in _OWN_LABELS or not _LABEL.fullmatch(label):
            text = f"expected another label than {', '.join(sorted(_OWN_LABELS))}"
            page.find((*path, "labels", label), f"{text}, got {label!r}; rename it", key=True)


def _judge_url(path: Place, url: str, page: Page, profile: str) -> None:
    """Refuse what is no address, and what would be read on the way."""
    expected = "an address such as `https://host/path`"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        advice = "names and passwords do not belong in it" if "@" in url else ""
        page.refuse(path, expected, masked(url), advice)
    elif profile == PRODUCTION and parts.scheme == "http" and not is_on_loopback(host):
        page.refuse(
            path, "https under `profile: production`", url, "notices name people and places"
        )


def _judge_time(path: Place, time: Duration, page: Page) -> None:
    if time.periods or time.ns < NS_PER_S:
        page.refuse(path, "a time of at least 1 s", str(time))
