"""Notices as messages of the Common Alerting Protocol 1.2."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, cast

import aiohttp
from lxml import etree

from contracts.desk.notice import Notice
from contracts.desk.receiver import CapTarget, Duties
from contracts.quantities import NS_PER_S
from runtime.durable_file import delete_drafts, write_durably
from sinks.notices.open_incidents import ENDS
from sinks.notices.transport import DELIVERED, Address, Answer, Telling, post

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
_NAMESPACES: Final = cast("dict[str, str]", {None: NAMESPACE})  # the stubs know no default one
HEADLINE_CHARS: Final = 160  # CAP: what fits a short message
_LANGUAGES: Final = {"en": "en-GB", "zh": "zh-CN"}
_HEADERS: Final = {"Content-Type": "application/cap+xml"}
_SEPARATORS: Final = str.maketrans({" ": "-", ",": "-", "<": "-", "&": "-"})


class _Grade(NamedTuple):
    """How CAP says a colour [E]."""

    urgency: str
    severity: str
    response: str


_GRADES: Final = {
    "red": _Grade("Immediate", "Extreme", "Execute"),
    "orange": _Grade("Immediate", "Severe", "Execute"),
    "yellow": _Grade("Expected", "Moderate", "Assess"),
    "blue": _Grade("Future", "Minor", "Monitor"),
}
# Categories of lifelines that are more than infrastructure [E], by the definitions of CAP 1.2.
_CATEGORIES: Final = {
    "metro": "Transport",
    "bridge": "Transport",
    "road": "Transport",
    "port": "Transport",
    "tunnel": "Transport",
    "elevator": "Safety",
    "pit": "Safety",
    "subsidence": "Geo",
    "weather": "Met",
    "stores": "Health",
}
_NO_DUTIES: Final = Duties("", {}, ())
_OVER: Final = _Grade("Past", "Minor", "AllClear")


class Cap:
    """`Transport` that writes CAP messages into a folder, or sends them, or both.

    The first notice of an incident to a desk is an Alert, further ones Updates, its end a Cancel;
    each refers to the one before that was confirmed. A notice has one identifier at every try.

    Parameters
    ----------
    target : CapTarget
    session : aiohttp.ClientSession
    duties : mapping of str to Duties
        What each desk answers for: of which area and category a message to it is.
    """

    delays_s: Sequence[float] = (5.0, 30.0, 300.0)
    patience_s = 86_400.0 * 7
    follows = True
    refers = True
    resend_s = 0.0

    def __init__(
        self,
        target: CapTarget,
        session: aiohttp.ClientSession,
        duties: Mapping[str, Duties],
    ) -> None:
        self._target = target
        self._duties = duties
        self._swept = False
        url, timeout_s = target.url, target.timeout.ns / NS_PER_S
        self._address = None if url is None else Address(session, url, timeout_s)

    async def tell(self, telling: Telling) -> Answer:
        """Write and send the message of a notice."""
        duties = self._duties.get(telling.notice.desk, _NO_DUTIES)
        body = message(telling, self._target, duties)
        if self._target.folder is not None:
            path = Path(self._target.folder) / f"{telling.notice.id}.xml"
            try:
                await asyncio.to_thread(self._write, path, body)
            except OSError as error:
                return Answer("retry", f"{path}: {error.strerror}")
        if self._address is not None:
            return await post(self._address, body, _HEADERS)
        return DELIVERED

    def _write(self, path: Path, body: bytes) -> None:
        """Write a message; the first one clears away what a former process left half-written."""
        if not self._swept:
            delete_drafts(path.parent)
            self._swept = True
        # A message of a former process stays until the whole of this one is there.
        write_durably(path, [body], replaces=True)

    async def resend(self, notices: Sequence[Notice]) -> Answer:
        """Nothing is told twice."""
        del notices
        return DELIVERED


def message(telling: Telling, target: CapTarget, duties: Duties = _NO_DUTIES) -> bytes:
    """A CAP 1.2 message, valid by its schema.

    Parameters
    ----------
    telling : Telling
    target : CapTarget
    duties : Duties
        Of the desk.

    Returns
    -------
    bytes
        XML in UTF-8. Its scope is `Private`, its addressee the desk: to warn the public is for
        people to decide.

    References
    ----------
    OASIS, Common Alerting Protocol Version 1.2, 2010-07-01.
    """
    notice, before = telling.notice, telling.before
    alert = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=_NAMESPACES)
    ends = notice.reason in ENDS
    late = f"Told {telling.late_s} s after its time." if telling.late_s else ""
    fields = {
        "identifier": notice.id,
        "sender": target.sender.translate(_SEPARATORS),
        "sent": _sent(notice),
        "status": "Exercise" if notice.drill else target.status,
        "msgType": "Alert" if before is None else "Cancel" if ends else "Update",
        "scope": "Private",
        "addresses": _address(notice.desk),
        "note": late,
        "references": "" if before is None else _reference(before, target),
        "incidents": notice.incident,
    }
    _add(alert, fields)
    grade = _OVER if ends else _GRADES.get(notice.colour, _GRADES["blue"])
    for language in _LANGUAGES:
        if text := notice.text.get(language, ""):
            info = _add_info(alert, notice, grade, (language, text), duties.lifelines)
            _add_area(info, duties, language)
    whole: bytes = etree.tostring(alert, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return whole


def _add_info(
    alert: etree._Element,
    notice: Notice,
    grade: _Grade,
    said: tuple[str, str],
    lifelines: Sequence[str],
) -> etree._Element:
    language, text = said
    info = etree.SubElement(alert, f"{{{NAMESPACE}}}info")
    _add(info, {"language": _LANGUAGES[language]})
    found = [_CATEGORIES.get(lifeline, "Infra") for lifeline in lifelines]
    for category in dict.fromkeys(found or ["Infra"]):
        _add(info, {"category": category})
    fields = {
        "event": f"lifeline {notice.colour}",
        "responseType": grade.response,
        "urgency": grade.urgency,
        "severity": grade.severity,
        "certainty": "Observed",
        "headline": text if len(text) <= HEADLINE_CHARS else f"{text[: HEADLINE_CHARS - 1]}…",
        "description": text,
    }
    _add(info, fields)
    parameters = {
        "colour": notice.colour,
        "reason": notice.reason,
        "level": notice.level,
        "acknowledge_by": notice.acknowledge_by,
    }
    for name, value in parameters.items():
        if value:
            parameter = etree.SubElement(info, f"{{{NAMESPACE}}}parameter")
            _add(parameter, {"valueName": name, "value": value})
    return info


def _add_area(info: etree._Element, duties: Duties, language: str) -> None:
    """The area of the desk by name and code; none for a desk of all areas of its level."""
    if duties.area:
        area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
        _add(area, {"areaDesc": duties.names.get(language) or duties.area})
        geocode = etree.SubElement(area, f"{{{NAMESPACE}}}geocode")
        _add(geocode, {"valueName": "area", "value": duties.area})


def _add(parent: etree._Element, fields: dict[str, str]) -> None:
    """Elements in this order; those without a text are left out."""
    for name, text in fields.items():
        if text:
            etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = _printable(text)


def _printable(text: str) -> str:
    """A text without what XML cannot hold."""
    return "".join(one for one in text if one in "\t\n" or (one >= " " and not _is_odd(one)))


def _is_odd(one: str) -> bool:
    return "\ud800" <= one <= "\udfff" or one in "\ufffe\uffff"


def _sent(notice: Notice) -> str:
    """Time as CAP has it: whole seconds and an offset in figures."""
    return datetime.fromisoformat(notice.at).isoformat(timespec="seconds")


def _reference(notice: Notice, target: CapTarget) -> str:
    sender = target.sender.translate(_SEPARATORS)
    return f"{sender},{notice.id},{_sent(notice)}"


def _address(desk: str) -> str:
    return f'"{desk}"' if " " in desk else desk
