"""A page of headings, lines and tables that is written once and read as Markdown or as HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from lab.reports.style import STYLE


class Section(NamedTuple):
    """One part of a page.

    Parameters
    ----------
    title : str
    lines : sequence of str
    head : sequence of str
        Of its table; empty where it has none.
    rows : sequence of sequence of str
    verbatim : str
        Text that keeps its lines and blanks, so that it can be copied.
    """

    title: str
    lines: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    verbatim: str = ""


class Sheet(NamedTuple):
    """A page in one language.

    Parameters
    ----------
    language : str
        `en` or `zh`.
    title : str
    sections : sequence of Section
    """

    language: str
    title: str
    sections: Sequence[Section]


def as_markdown(sheets: Iterable[Sheet]) -> str:
    """The page as Markdown, one language behind the other."""
    parts = []
    for sheet in sheets:
        parts.append(f"# {sheet.title}")
        for section in sheet.sections:
            parts += [f"## {section.title}", *section.lines]
            if section.rows:
                rows = [section.head, ["---"] * len(section.head), *section.rows]
                parts.append("\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows))
            if section.verbatim:
                parts.append(f"```\n{section.verbatim.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_html(sheets: Sequence[Sheet]) -> str:
    """The page as HTML that needs nothing beside it."""
    body = "".join(
        f'<article lang="{sheet.language}"><h1>{escape(sheet.title)}</h1>'
        f"{''.join(map(_section, sheet.sections))}</article>"
        for sheet in sheets
    )
    return (
        f'<!doctype html><html lang="{sheets[0].language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(sheets[0].title)}</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _section(section: Section) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    head = "".join(f"<th>{escape(name)}</th>" for name in section.head)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-what="{escape(name)}">{escape(text)}</td>'
            for name, text in zip(section.head, row, strict=True)
        )
        + "</tr>"
        for row in section.rows
    )
    table = (
        f'<div class="wide"><table class="rows"><thead><tr>{head}</tr></thead>{rows}</table></div>'
        if section.rows
        else ""
    )
    text = escape(section.verbatim)
    verbatim = f'<div class="wide"><pre>{text}</pre></div>' if text else ""
    return f"<h2>{escape(section.title)}</h2>{lines}{table}{verbatim}"
