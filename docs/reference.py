"""Write the reference pages from the code: commands, configuration, metrics, records.

`python docs/reference.py` writes docs/reference/; with `--check` it only says what is out of date.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from pathlib import Path
from typing import Any, Final

from msgspec import inspect

from app.cli.parser import parser
from configuration.class_schema import class_schema, meanings, schema_of
from configuration.rule_kinds import kinds
from configuration.settings import Settings
from contracts.alarm import Alarm, ShelvingRecord
from contracts.dead_letter import DeadLetter
from contracts.desk.answer import Answer, CurrentAlarm
from contracts.desk.incident import (
    Cause,
    ClockState,
    Impact,
    Incident,
    Member,
    NextLoss,
    Redundancy,
    Situation,
    Step,
    Ticket,
    Why,
)
from contracts.desk.notice import Notice, Withheld
from contracts.desk.receipt import Receipt
from contracts.journal import Accept, Promote, Rollback, Shadow, Shelve, Unshelve
from contracts.ports.status import LaneStatus, ProcessStatus
from docs.lifelines import page as lifelines
from docs.sentences import page as sentences
from ingest.json.reading import Reading
from sinks.http.desk_metrics import DeskCollector
from sinks.http.metrics import MetricsCollector, registry
from sinks.http.notice_metrics import NoticeCollector
from sinks.http.projection_metrics import ProjectionCollector

FOLDER: Final = Path(__file__).resolve().parent / "reference"
MADE: Final = (
    "<!-- Written by docs/reference.py from the code; change that and run `make docs`. -->\n\n"
)
COMMANDS: Final = (Shelve, Unshelve, Accept, Shadow, Promote, Rollback)
OF_THE_DESK: Final = (
    *(Incident, Situation, Member, Why, Cause, Impact, NextLoss, Redundancy, Ticket, Step),
    *(ClockState, Notice, Withheld, Receipt, CurrentAlarm, Answer),
)
RECORDS: Final = (Reading, Alarm, ShelvingRecord, *OF_THE_DESK, DeadLetter, *COMMANDS)
STEPS: Final = ["blue", "yellow", "orange", "red"]
OWN: Final = ("class", "unit", "period", "plausible", "life_safety", "words", "overrides")
CLASS_FILES: Final = """\
`configs/<lifeline>/<class>.yaml` holds what is true of every channel of a class. Beside the first
keys below, each section is a kind of rule: its name is the key under which the rule is written
(`limit:`), and in brackets stands the class of detectors in [kinds of rules](../detectors.md).

- A **duration** is `500 ms`, `30 s`, `5 min`, `2 h`, `1 d` or `3 periods` of the class.
- **A figure for each colour** is a mapping with any of `blue`, `yellow`, `orange` and `red`; a
  colour without one never rings.
- **Or with a unit**: a plain number is in the unit of the class; `200 kPa` becomes that unit.
- Bands are in multiples of the spread that the rule learned, `u`: `4 sigma` is four times `u`,
  which is a standard deviation or a robust estimate of it, and never less than `floor`.
- Other words are explained [behind the catalogue](../catalogue.md#words-of-this-project).

An editor completes and judges class files with the output of `tocsin schema class`."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; columns that hold nothing are left out."""
    names, body = list(heads), list(map(list, rows))
    full = [any(line[at] for line in body) for at in range(len(names))]
    lines = [list(compress(line, full)) for line in (names, ["---"] * len(names), *body)]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def commands() -> str:
    """Every command with its arguments."""
    top = parser()
    text = f"# Commands\n\n{top.description} {top.epilog}\n"
    for action in top._actions:  # noqa: SLF001 - argparse has no other way to ask
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            continue
        helps = {choice.dest: choice.help for choice in action._choices_actions}  # noqa: SLF001
        for name, command in action.choices.items():
            text += f"\n## `tocsin {name}`\n\n{_sentence(helps[name] or '')}\n\n"
            text += table(("argument", "meaning"), _arguments(command))
            text += f"\n```text\n{command.epilog}\n```\n" if command.epilog else ""
    return text


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _arguments(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in command._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._HelpAction):  # noqa: SLF001 - as above
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        choices = "" if action.metavar else "\\|".join(map(str, action.choices or ()))
        shown = ", ".join(action.option_strings)
        name = f"{shown} {choices or value}".strip() if shown else choices or value
        yield f"`{name}`".replace("\\|", "|"), action.help or ""


SHARED_DUTIES: Final = """\
What many rules share stands once in `duties.yaml` of the configuration folder, under a name, and
may be any part of a duty. `like` takes it; keys beside `like` stand in place of its own, mappings
such as `owner` are merged. Rules are what they would be with everything written out.

```yaml
dark-sensor:                     # duties.yaml
  respond: {procedure: M-1, first: [restart the logger]}
  owner: {level: district, role: maintenance crew, within: 4 h, then: district}
  source: maintenance handbook
```

```yaml
silent:                          # a class file
  after: 3 periods
  duty: {like: dark-sensor, cause: logger or network, consequence: nobody sees the tower}
```
"""


def settings() -> str:
    """What `tocsin.yaml` may hold."""
    schema = schema_of(Settings)
    text = "# Settings: `tocsin.yaml`\n\n" + schema["description"] + "\n\n"
    text += table(("key", "value", "default", "meaning"), _fields(schema))
    return text


def rules() -> str:
    """What a class file may hold."""
    schema = class_schema()["properties"]
    text = f"# Class files\n\n{CLASS_FILES}\n\n"
    own = {"properties": {key: schema[key] for key in OWN}, "required": OWN[:4]}
    text += table(("key", "value", "default", "meaning"), _fields(own))
    duty = schema["limit"]["properties"]["duty"]
    text += f"\n## `duty`, in every rule\n\n{duty['description']}\n\n"
    duty["required"] = duty["anyOf"][-1]["required"]  # of one that is like no other
    text += table(("key", "value", "default", "meaning"), _fields(duty))
    text += f"\n{SHARED_DUTIES}"
    for name in schema:
        if name not in OWN:
            text += f"\n## `{name}`{_detects(name)}\n\n{schema[name]['description']}\n\n"
            text += table(("key", "value", "default", "meaning"), _fields(schema[name], "duty"))
    return text


def _detects(name: str) -> str:
    detects = kinds()[name][1].detects if name in kinds() else name
    return f" ({detects})" if detects != name else ""


def _fields(
    schema: Mapping[str, Any], without: str = "", prefix: str = ""
) -> Iterator[tuple[str, str, str, str]]:
    """Rows of an object, and below each of those inside it."""
    for key, shape in schema["properties"].items():
        if key == without:
            continue
        required = key in schema.get("required", ())
        default = "required" if required else f"`{shape['default']}`" if "default" in shape else ""
        meaning = shape.get("description", "")
        yield f"`{prefix}{key}`", _value(shape), default, meaning
        inside, name = shape, f"{prefix}{key}."
        if isinstance(shape.get("additionalProperties"), dict):
            inside, name = shape["additionalProperties"], f"{prefix}{key}.<name>."
        if list(inside.get("properties", STEPS)) != STEPS:
            yield from _fields(inside, prefix=name)


def _value(shape: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    if list(shape.get("properties", ())) == STEPS:
        timed = "pattern" in shape["properties"]["blue"]
        figure = "a figure for each colour that rings"
        return "a duration for each colour that has its own" if timed else figure
    if "enum" in shape:
        return ", ".join(f"`{word}`" for word in shape["enum"])
    if "anyOf" in shape:
        return f"{_value(shape['anyOf'][0])}, or with a unit"
    if "pattern" in shape:
        return "duration" if "|periods?)" in shape["pattern"] else "text"
    if "items" in shape or isinstance(shape.get("additionalProperties"), dict):
        return _many(shape)
    bounds = {"minimum": "at least", "exclusiveMinimum": "above"}
    bounds |= {"maximum": "at most", "exclusiveMaximum": "below"}
    said = [f"{word} {shape[key]:,}" for key, word in bounds.items() if key in shape]
    kind = str(shape.get("type", ""))
    return ", ".join([{"string": "text", "object": "mapping"}.get(kind, kind), *said])


def _many(shape: Mapping[str, Any]) -> str:
    """A list or a mapping with free keys."""
    if shape["type"] == "object":
        return f"mapping to: {_value(shape['additionalProperties'])}"
    if isinstance(shape["items"], list):
        return f"list of {len(shape['items'])}: {_value(shape['items'][0])}"
    return f"list of: {_value(shape['items'])}"


class Idle:
    """A worker without lanes."""

    def lanes(self) -> list[LaneStatus]:
        """None."""
        return []

    def alive(self) -> bool:
        """It is."""
        return True

    def ready(self) -> bool:
        """It is."""
        return True

    def process_status(self) -> ProcessStatus:
        """Calm."""
        return ProcessStatus()


def metrics() -> str:
    """What `/metrics` shows."""
    text = "# Metrics\n\nWhat a worker shows on `/metrics`, beside those of the process itself; "
    text += "those of [the desk stage](../desk.md) begin with `tocsin_desk_`, "
    text += "those of projections of topics, as the history, with `tocsin_projection_`.\n\n"
    known = {
        family.name: family
        for collector_of in (MetricsCollector, DeskCollector, NoticeCollector, ProjectionCollector)
        for family in registry(Idle(), "", collector_of).collect()
    }
    families = [known[name] for name in sorted(known)]
    rows = [
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type,
         ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ())),
         family.documentation)
        for family in families
        if family.name.startswith("tocsin")
    ]  # fmt: skip
    return text + table(("metric", "type", "labels", "meaning"), rows)


def records() -> str:
    """What travels on topics."""
    text = "# Fields of records\n\n[Records](../records.md) says what each is for and shows some.\n"
    todo, told = list(RECORDS), set[type]()
    while todo:
        kind = todo.pop(0)
        if kind in told:
            continue
        told.add(kind)
        node = inspect.type_info(kind)
        assert isinstance(node, inspect.StructType)
        about, rows = dict(meanings(kind)), []
        for field in node.fields:
            word, inner = _kind(field.type)
            todo += inner
            may = "" if field.required else ", may be left out"
            rows.append((f"`{field.encode_name}`", word + may, about.get(field.name, "")))
        text += f"\n## {kind.__name__}\n\n{(kind.__doc__ or '').splitlines()[0]}\n\n"
        text += table(("field", "value", "meaning"), rows)
    return text


def _kind(node: inspect.Type) -> tuple[str, list[type]]:
    """A type in words, and the records inside it."""
    if isinstance(node, inspect.Metadata):
        return _kind(node.type)
    if isinstance(node, inspect.StructType):
        return f"[{node.cls.__name__}](#{node.cls.__name__.lower()})", [node.cls]
    if isinstance(node, inspect.LiteralType):
        return ", ".join(f"`{word}`" for word in node.values), []
    inner = getattr(node, "types", None) or [getattr(node, "item_type", None)]
    parts = [_kind(part) for part in inner if part is not None]
    found = [kind for _, kinds_in in parts for kind in kinds_in]
    if isinstance(node, inspect.UnionType):
        return " or ".join(word for word, _ in parts), found
    word = {"str": "text", "float": "number", "int": "integer", "none": "null", "dict": "object"}
    name = type(node).__name__.removesuffix("Type").lower()
    return (f"list of {parts[0][0]}" if parts else word.get(name, name)), found


PAGES: Final = {
    "commands": commands,
    "settings": settings,
    "class-files": rules,
    "metrics": metrics,
    "records": records,
    "sentences": sentences,
    "lifelines": lifelines,
}


def main() -> int:
    """Write the pages, or say which are out of date."""
    stale = []
    for name, page in PAGES.items():
        file, text = FOLDER / f"{name}.md", MADE + page()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file.name)
            if "--check" not in sys.argv[1:]:
                FOLDER.mkdir(exist_ok=True)
                file.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(f"docs/reference: out of date: {', '.join(stale)}; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
