"""What the site does beyond mkdocs: lists the decisions, and names what lies outside docs/."""

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent
CARRIED: Final = {
    "benchmarks.md": ROOT / "benchmarks" / "README.md",
    "changes.md": ROOT / "CHANGELOG.md",
    "threats.md": ROOT / "SECURITY.md",
}
_TABLE: Final = re.compile(r"<table>.*?</table>", re.DOTALL)
_HEAD: Final = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW: Final = re.compile(r"<tr>.*?</tr>", re.DOTALL)
_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Called by mkdocs once: runbooks and decisions are in the menu, under their own headings."""
    for heading in ("Runbooks", "Decisions"):
        folder = DOCS / heading.lower()
        pages = sorted(file.relative_to(DOCS).as_posix() for file in folder.glob("*.md"))
        config.nav.insert(-1, {heading: pages})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Called by mkdocs once: pages that live beside what they tell of are carried into the site."""
    for name, source in CARRIED.items():
        files.append(File.generated(config, name, content=source.read_text(encoding="utf-8")))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs for every page: cells know the head of their column, for narrow screens."""
    return _TABLE.sub(_headed, html)


def _headed(table: re.Match[str]) -> str:
    """A table whose cells have the text of their head as an attribute."""
    texts = [re.sub("<.*?>", "", head).strip() for head in _HEAD.findall(table[0])]
    heads = [text.replace('"', "&quot;") for text in texts]

    def row(cells: re.Match[str]) -> str:
        names = iter(heads)
        return re.sub("<td", lambda _: f'<td data-head="{next(names)}"', cells[0])

    return _ROW.sub(row, table[0])


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for the text of every page: the site holds docs/ alone.

    A link that leads out of it becomes the name of what it leads to.
    """
    place = DOCS / page.file.src_uri
    here = CARRIED.get(page.file.src_uri, place).parent

    def local(link: re.Match[str]) -> str:
        there = (here / link[2]).resolve()
        for name, source in CARRIED.items():
            there = DOCS / name if there == source else there
        if there.is_relative_to(DOCS) and (there.is_file() or there.name in CARRIED):
            address = Path(os.path.relpath(there, place.parent)).as_posix()
            return f"[{link[1]}]({address}{link[3] or ''})"
        outside = there.relative_to(ROOT).as_posix()
        return link[1] if outside in link[1] else f"{link[1]} (`{outside}`)"

    return _LINK.sub(local, markdown)
