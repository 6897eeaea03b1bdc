"""Duties that many rules share, by name: `duties.yaml` of a configuration folder.

`duty: {like: dark-sensor, consequence: nobody sees the tower}` in a class file takes what the block
`dark-sensor` says and puts its own words in place of it: mappings are merged, everything else is
replaced. A block may leave out what each rule says for itself.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from alarms.rationalisation import Owner, Respond, Say, Words
from configuration.yaml.fill import BAD, Page, fill
from configuration.yaml.findings import Findings, nearest
from configuration.yaml.located import Located

FILE: Final = "duties.yaml"
DUTY: Final = "duty"
LIKE: Final = "like"
Duties = Mapping[str, Any]


class SharedDuty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What rules share of their duty; each key as in a class file."""

    cause: Words | None = None
    consequence: Words | None = None
    respond: Respond | None = None
    owner: Owner | None = None
    say: Say | None = None
    findings: dict[str, Say] | None = None
    source: Words | None = None


def read_duties(page: Page) -> dict[str, Any]:
    """Blocks by name as they were written, `BAD` in place of one with findings.

    Parameters
    ----------
    page : Page
        Of the file.
    """
    data = page.located.data
    if not isinstance(data, dict):
        page.refuse((), "a mapping of names to duties", data)
        return {}
    return {name: _block(name, page) for name in data}


def _block(name: str, page: Page) -> Any:
    """A block by itself, judged as a struct whose findings stand at their place in the file."""
    tree, found = page.located, Findings()
    below = {path[1:]: place for path, place in tree.values.items() if path[:1] == (name,)}
    keys = {path[1:]: place for path, place in tree.keys.items() if path[:1] == (name,)}
    fill(SharedDuty, Page(page.file, Located(tree.data[name], below, keys), found))
    for finding in found.found:
        path = f"{name}.{finding.path}" if finding.path else name
        page.findings.add(page.file, finding.place, path, finding.text)
    return BAD if found.found else tree.data[name]


def with_duties(page: Page, duties: Duties) -> Page:
    """The class file with each duty that is like a shared one written out."""
    data = page.located.data
    if not isinstance(data, dict):
        return page
    given = dict(_written_out(page, data, duties))
    return replace(page, located=replace(page.located, data={**data, **given}))


def _written_out(page: Page, data: dict[str, Any], duties: Duties) -> Iterator[tuple[str, Any]]:
    for rule, said in data.items():
        duty = said.get(DUTY) if isinstance(said, dict) else None
        if isinstance(duty, dict) and LIKE in duty:
            yield rule, {**said, DUTY: _like(page, (rule, DUTY), duty, duties)}


def _like(page: Page, path: tuple[str, ...], duty: dict[str, Any], duties: Duties) -> Any:
    name = duty[LIKE]
    if not isinstance(name, str) or name not in duties:
        text = f"expected a duty of {FILE}, got {name!r}"
        page.find((*path, LIKE), f"{text}; {nearest(str(name), duties)}")
        return BAD
    if duties[name] is BAD:
        return BAD  # said where it is written
    return _merged(duties[name], {key: value for key, value in duty.items() if key != LIKE})


def _merged(block: Any, own: Any) -> Any:
    if not isinstance(block, dict) or not isinstance(own, dict):
        return own
    shared = copy.deepcopy(block)
    return {**shared, **{key: _merged(shared.get(key), value) for key, value in own.items()}}
